"""What does the page of a family show? Everything at once, in eight queries, each part to those who may see it."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache

from flask_login import current_user
from sqlalchemy import bindparam, exists, func, select
from sqlalchemy.orm import defer, joinedload

from app.audit.models import LogEntry
from app.audit.operations import midnight, read_since
from app.billing.overview import columns_of_family
from app.changes.kinds import KINDS
from app.changes.models import OPEN, ChangeRequest
from app.children.models import Child, HealthRecord, Household
from app.children.queries import SCHOOLS
from app.core import clock
from app.extensions import db
from app.families.models import Adult, AdultRole, Family, FormerPlace, Mandate
from app.families.particulier import configured
from app.families.quotients import column_of_months, quotient_ends
from app.mail.queries import column_of_failure
from app.security.models import Account, FamilyLink, Invitation
from app.security.scope import may
from app.security.who_sees_what import Noun
from app.staff.taking_part import Part, part_of_family


@dataclass
class Person:
    """An adult, the account that acts for the family as this person, and whether a code waits to be used."""

    adult: Adult
    account: Account | None
    link: FamilyLink | None
    invited: bool


@dataclass
class ChildCard:
    """A child, its schools of this year and the next, its households."""

    child: Child
    own: Household | None = None
    others: list = field(default_factory=list)
    #: Whether it is noted that this person read the signs beside its name today.
    noted: bool = False


@dataclass
class Owed:
    """What a household owes: its balance, how many invoices are unpaid, how many of them overdue, and what is left of them."""

    balance: Decimal
    unpaid: int
    overdue: int
    left: Decimal


@dataclass
class FamilyPage:
    """The whole family."""

    family: Family
    mandate: Mandate | None
    people: list
    children: list
    quotients: list
    requests: list
    log: list
    part: Part
    #: None for those who may not see it.
    owed: Owed | None = None
    #: The id of a mail that did not reach the household.
    failed_mail: int | None = None
    #: The last day before it moved into the commune, or out of it.
    moved: date | None = None
    #: For how many months a quotient counts; 0: for ever.
    months: int = 0

    @classmethod
    def of(cls, family_id):
        """The page of a family, or None where there is none."""
        found = _family(family_id)
        if found is None:
            return None
        family, mandate, failed_mail, moved, months, *figures = found
        return cls(
            family,
            mandate,
            _people(family_id),
            _children(family_id),
            _quotients(family),
            _requests(family_id),
            _log(family_id),
            part_of_family(family_id),
            Owed(*figures) if figures else None,
            failed_mail if may(Noun.mail, "read") else None,
            moved,
            months or 0,
        )

    @property
    def guardian(self):
        return next((person for person in self.people if person.adult.role is AdultRole.guardian), None)

    @property
    def spouse(self):
        return next((person for person in self.people if person.adult.role is AdultRole.spouse), None)

    @property
    def quotient(self):
        """The quotient that counts today."""
        row, today = next((row for row in self.quotients if row.counts_from <= clock.today()), None), clock.today()
        return row if row is not None and (quotient_ends(row.counts_from, self.months) or today) >= today else None

    @property
    def may_ask_fund(self):
        """Whether the town can ask the fund for the quotient now."""
        family = self.family
        agrees = family.archived_at is None and family.caf is not None and family.caf.consent
        return agrees and may(Noun.caf, "edit") and configured()

    @property
    def open_requests(self):
        return [request for request in self.requests if request.open]

    @property
    def past_requests(self):
        return [request for request in self.requests if not request.open][:5]

    @property
    def current_children(self):
        return [card for card in self.children if card.own is not None and card.child.archived_at is None]

    @property
    def names(self):
        """{child: first name}, where there are several."""
        return {card.child.id: card.child.first_name for card in self.current_children}

    @property
    def health_told(self):
        """The ids of the children beside whose names an allergy or a care plan is told to this person for the first time today."""
        told = [card.child for card in self.current_children if not card.noted] if may(Noun.allergies, "read") else []
        return [child.id for child in told if child.health is not None and (child.health.has_allergy or child.health.pai)]

    @property
    def former_children(self):
        return [card for card in self.children if card.own is None or card.child.archived_at is not None]


# What the page asks is put together once for what a role may read: SQLAlchemy takes longer to build it than to run it.


def _family(family_id):
    nouns = tuple(noun for noun in (Noun.tax, Noun.caf, Noun.bank, Noun.bill) if may(noun, "read"))
    return db.session.execute(_family_query(nouns), {"family": family_id, "today": clock.today()}).unique().first()


@cache
def _family_query(nouns):
    loads = [joinedload(getattr(Family, noun.name)) for noun in (Noun.tax, Noun.caf, Noun.bank) if noun in nouns]
    if Noun.caf in nouns:
        loads.append(joinedload(Family.quotients))
    figures = columns_of_family(FAMILY) if Noun.bill in nouns else ()
    moved = select(func.max(FormerPlace.last_day)).where(FormerPlace.family_id == FAMILY, FormerPlace.resident.is_not(None))
    query = select(Family, Mandate, column_of_failure(FAMILY), moved.scalar_subquery(), column_of_months(), *figures).outerjoin(
        Mandate, (Mandate.family_id == Family.id) & Mandate.ended_on.is_(None) & (Noun.bank in nouns)
    )
    return query.where(Family.id == FAMILY).options(*loads)


def _people(family_id):
    return [Person(*row) for row in db.session.execute(_people_query(), {"family": family_id, "now": clock.now()}).unique()]


@cache
def _people_query():
    invited = exists().where(Invitation.adult_id == Adult.id, Invitation.used_at.is_(None), Invitation.expires_at > bindparam("now"))
    return (
        select(Adult, Account, FamilyLink, invited)
        .where(Adult.family_id == FAMILY)
        .order_by(Adult.role)
        .outerjoin(FamilyLink, (FamilyLink.adult_id == Adult.id) & (FamilyLink.family_id == FAMILY) & FamilyLink.ended_at.is_(None))
        .outerjoin(Account, Account.id == FamilyLink.account_id)
    )


def _children(family_id):
    given = {"family": family_id, "reader": current_user.id, "midnight": midnight()}
    rows = db.session.execute(_children_query(may(Noun.allergies, "read")), given).unique()
    return [_card(child, family_id, noted) for child, noted in rows]


@cache
def _children_query(allergies):
    lives_here = Child.id.in_(select(Household.child_id).where(Household.family_id == FAMILY))
    query = (
        select(Child, Child.id.in_(read_since(bindparam("reader"), "family", bindparam("midnight"))))
        .where(lives_here)
        .order_by(Child.birth_date, Child.id)
        .options(joinedload(Child.households).joinedload(Household.family), SCHOOLS)
    )
    if allergies:
        # What the signs beside a name need, and no more of it decrypted.
        told = HealthRecord.asthma, HealthRecord.food_allergies, HealthRecord.drug_allergies, HealthRecord.other_allergies
        query = query.options(joinedload(Child.health).load_only(*told, HealthRecord.pai))
    return query


def _card(child, family_id, noted):
    running = [row for row in child.households if row.ended_on is None]
    own = next((row for row in running if row.family_id == family_id), None)
    return ChildCard(child, own, [row for row in running if row.family_id != family_id], noted)


def _quotients(family):
    """The latest first."""
    return sorted(family.quotients, key=lambda row: row.counts_from, reverse=True) if may(Noun.caf, "read") else []


FAMILY = bindparam("family")
LOG = select(LogEntry).where(LogEntry.family_id == FAMILY).order_by(LogEntry.at.desc(), LogEntry.id.desc()).limit(8)
#: Encrypted, and read on the page of a lot alone.
UNREAD = ChangeRequest.changes, ChangeRequest.findings, ChangeRequest.comment


def _requests(family_id):
    if not may(Noun.request, "read"):
        return []
    kinds = [kind.name for kind in KINDS.values() if may(kind.noun, "read")]
    return db.session.scalars(_requests_query(), {"family": family_id, "kinds": kinds}).unique().all()


@cache
def _requests_query():
    query = (
        select(ChangeRequest)
        .where(ChangeRequest.family_id == FAMILY, ChangeRequest.kind.in_(bindparam("kinds", expanding=True)))
        .options(joinedload(ChangeRequest.lot), *(defer(column) for column in UNREAD))
    )
    return query.order_by(ChangeRequest.state.in_(OPEN).desc(), ChangeRequest.id.desc()).limit(25)


def _log(family_id):
    if not may(Noun.log, "read"):
        return []
    return db.session.scalars(LOG, {"family": family_id}).all()
