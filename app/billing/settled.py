"""Which days of which children are billed already? Attendance of long ago does not change them any more."""

from sqlalchemy import select

from app.activities.attendance import settles
from app.billing.models import Bill, BillingPeriod, BillState
from app.children.models import Household
from app.extensions import db


@settles
def billed(child_ids, first, last):
    """[(child's id, first day, last day)] of the periods for which the bill of a household of the child is issued. One query."""
    query = select(Household.child_id, BillingPeriod.first_day, BillingPeriod.last_day).distinct()
    query = query.join(Bill, Bill.family_id == Household.family_id).join(BillingPeriod, BillingPeriod.id == Bill.period_id)
    query = query.where(Household.child_id.in_(child_ids), Bill.state == BillState.issued)
    return db.session.execute(query.where(BillingPeriod.first_day <= last, BillingPeriod.last_day >= first)).all()
