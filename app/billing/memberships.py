"""Which yearly memberships are due? Once a school year for each child enrolled, or once a family, with its first bill."""

from datetime import date
from typing import NamedTuple

from sqlalchemy import select

from app.billing.charges import year_begins
from app.billing.grid import Membership
from app.billing.issued import in_force
from app.billing.models import BillingPeriod, ChargeKind, Invoice, InvoiceLine
from app.billing.payers import payer
from app.extensions import db

#: The scope of a membership that counts for several activities.
SHARED = "shared"


class Due(NamedTuple):
    """A membership that a household owes."""

    family_id: int
    child_id: int
    activity_id: int
    membership: Membership
    #: The grid's Version that says so.
    version: object


def memberships(facts, grids, spans, instead):
    """Yields the Due of the households of `facts`. `instead`: ids of invoices that are being made anew, which bill nothing therefore."""
    last = spans[-1][1]
    wanted = {service.activity_id for service in facts.services.values()}
    versions = {activity_id: grids.at(activity_id, last) for activity_id in wanted}
    asking = {activity_id: version for activity_id, version in versions.items() if version is not None and version.grid.membership}
    if not asking or not facts.kids:
        return
    seen = _billed(facts, last, instead, asking)
    for child_id, rows in facts.enrolments.items():
        taken = set()
        for row in rows:
            if row.activity_id not in asking or row.activity_id in taken:
                continue
            # The household that enrolled the child first pays, or the one that pays for it.
            taken.add(row.activity_id)
            if not any(row.starts_on <= end and row.ends_on >= begin for begin, end in spans):
                continue
            version = asking[row.activity_id]
            family_id = payer(facts.links[child_id], min(max(row.starts_on, spans[0][0]), last), row.family_id)
            membership, scope = version.grid.membership, _scope(asking, row.activity_id)
            key = ("family", family_id, scope) if membership.per_family else ("child", child_id, scope)
            if key not in seen:
                seen.add(key)
                yield Due(family_id, child_id, row.activity_id, membership, version)


def _scope(asking, activity_id):
    """What a membership is for: its activity, or all whose tables share one."""
    version = asking.get(activity_id)
    return SHARED if version is not None and version.grid.membership.shared else activity_id


def _billed(facts, last, instead, asking):
    """{("child" | "family", id, scope)} of the memberships that were billed in the school year and are still in force."""
    begins = year_begins(last)
    query = (
        select(InvoiceLine.child_id, InvoiceLine.activity_id, Invoice.family_id, Invoice.id)
        .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
        .join(BillingPeriod, BillingPeriod.id == Invoice.period_id)
        .where(InvoiceLine.charge == ChargeKind.membership, in_force())
        .where(BillingPeriod.last_day >= begins, BillingPeriod.last_day < date(begins.year + 1, begins.month, 1))
    )
    families = {link.family_id for links in facts.links.values() for link in links}
    mine = InvoiceLine.child_id.in_(list(facts.kids)) | Invoice.family_id.in_(families)
    seen = set()
    for child_id, activity_id, family_id, invoice_id in db.session.execute(query.where(mine)):
        if invoice_id not in instead:
            scope = _scope(asking, activity_id)
            seen |= {("child", child_id, scope), ("family", family_id, scope)}
    return seen
