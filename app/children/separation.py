"""What happens when two adults of a file part? One gets a file of their own; each child lives where they say; neither sees the other's."""

from dataclasses import dataclass, field

from sqlalchemy import select, update

from app.audit.operations import record
from app.changes.models import ChangeRequest, RequestState
from app.changes.operations import withdraw
from app.children.models import Child, Household, Weeks
from app.children.operations import end_household
from app.core import clock
from app.core.enums import Labelled
from app.core.errors import DomainError, NotFound, Stale
from app.core.i18n import _, _l
from app.documents.models import StoredFile
from app.extensions import db
from app.families.models import AdultRole, Family, Situation
from app.families.operations import new_family, renew_mandate
from app.messages.models import Message, MessageFile, Thread
from app.security.models import FamilyLink
from app.security.operations import close_sessions, end_link, lapse_codes, link_family
from app.security.who_sees_what import Noun


class Where(Labelled):
    """Where a child lives from now on."""

    stays = "stays", _l("in this file, as before")
    moves = "moves", _l("in the new file only")
    both = "both", _l("in both, by turns")


class Pays(Labelled):
    """Which household pays for a child that lives in both."""

    each = "each", _l("each household for its own weeks")
    stays = "stays", _l("this file alone")
    leaves = "leaves", _l("the new file alone")


@dataclass(frozen=True)
class Home:
    """What was decided for one child; `weeks` are those of the new file."""

    child_id: int
    where: Where
    weeks: Weeks = Weeks.other
    pays: Pays = Pays.each


@dataclass(frozen=True)
class Separation:
    """Which adult gets a file of their own, what it is called, and where the children live."""

    adult_id: int
    name: str
    resident: bool
    homes: tuple
    #: Columns of the adult's new address.
    address: dict = field(default_factory=dict)


#: The other household's weeks.
OPPOSITE = {Weeks.even: Weeks.odd, Weeks.odd: Weeks.even, Weeks.other: Weeks.other}
#: Requests about the adults themselves: they would be written to somebody else's line.
PERSONAL = ("guardian", "spouse")
#: What is the guardian's own: {kind of request: noun of its files}. The other adult never saw the bank's.
OWN = {"bank": Noun.bank, "tax": Noun.tax}
CAF = {"caf": Noun.caf}


def children_here(family_id):
    """[(Child, its open Household here)], eldest first; put away ones are left out."""
    query = select(Child, Household).join(Household, Household.child_id == Child.id)
    query = query.where(Household.family_id == family_id, Household.ended_on.is_(None), Child.archived_at.is_(None))
    return db.session.execute(query.order_by(Child.birth_date, Child.id)).all()


def refuse_unless_separable(family):
    """Raise DomainError where there are no two adults, or a request about one of them would reach the wrong person."""
    if family.archived_at is not None:
        raise DomainError(_("This family is in the archive: restore it first."))
    if family.guardian is None or family.spouse is None:
        raise DomainError(_("There are no two adults in this file."))
    if db.session.scalar(_personal(family.id, RequestState.pending, RequestState.deciding).limit(1)) is not None:
        raise DomainError(_("Requests about the adults, their income or their bank still wait: decide them first."))


def _personal(family_id, *states):
    kinds = (*PERSONAL, *OWN, *CAF)
    return select(ChangeRequest).where(ChangeRequest.family_id == family_id, ChangeRequest.kind.in_(kinds), ChangeRequest.state.in_(states))


def separate(family_id, plan, *, by):
    """Carry a Separation out, within the open unit of work; returns the new Family.

    Bills, bookings, messages and requests stay with the household that made them. Raises Stale where the family is no longer what
    was looked at.
    """
    query = select(Family).where(Family.id == family_id).with_for_update().execution_options(populate_existing=True)
    family = db.session.scalar(query)
    if family is None:
        raise NotFound(_("This family does not exist any more."))
    refuse_unless_separable(family)
    here = {child.id: household for child, household in children_here(family_id)}
    leaving = next((adult for adult in family.adults if adult.id == plan.adult_id), None)
    if leaving is None or set(here) != {home.child_id for home in plan.homes}:
        raise Stale(_("This family has changed meanwhile: look at it again."))
    staying = family.guardian if leaving is family.spouse else family.spouse
    for request in db.session.scalars(_personal(family_id, RequestState.sent_back)).all():
        # It was to be corrected for a file that is no more.
        withdraw(request, by=by)
    new = new_family(plan.name, resident=plan.resident, situation=Situation.separated)
    db.session.flush()
    record("family.add", new, by=by)
    record("family.separated", family, by=by, note=new.code, changes={"situation": (family.situation, Situation.separated)})
    family.situation = Situation.separated
    _move_income(family, new, leaving)
    _move_adult(leaving, new, plan.address, by=by)
    if staying.role is AdultRole.spouse:
        record("adult.edit", staying, by=by, changes={"role": (staying.role, AdultRole.guardian)})
        staying.role = AdultRole.guardian
        db.session.flush()
        _move_access(staying, family.id, family.id, by=by)
    _move_access(leaving, family.id, new.id, by=by)
    for home in plan.homes:
        _settle(home, here[home.child_id], new, by=by)
    return new


def _move_adult(adult, new, address, *, by):
    before = {name: getattr(adult, name) for name in address}
    adult.family, adult.role = new, AdultRole.guardian
    for name, value in address.items():
        setattr(adult, name, value)
    db.session.flush()
    changes = {name: (before[name], value) for name, value in address.items() if before[name] != value}
    record("adult.edit", adult, by=by, changes={"family_id": (None, new.id), **changes})


def _move_income(family, new, leaving):
    """What is one adult's own goes with that adult: bank and taxes with the guardian, the fund with whoever holds the file there."""
    kinds = {}
    if leaving is family.guardian:
        kinds |= OWN
        if family.bank is not None:
            # A mandate is signed for one household: the new one signs its own.
            family.bank.direct_debit = False
            db.session.flush()
            renew_mandate(family, family.bank)
        for row in (family.bank, family.tax):
            if row is not None:
                row.family = new
    caf = family.caf
    holder = caf.holder or AdultRole.guardian if caf is not None else AdultRole.guardian
    if holder is leaving.role:
        kinds |= CAF
        if caf is not None:
            caf.family = new
    if caf is not None and caf.holder is not None:
        caf.holder = AdultRole.guardian
    if caf is not None and caf.family is new:
        # It was given for the household that was.
        caf.consent = False
    _move_papers(family.id, new.id, kinds)


def _move_papers(family_id, new_id, kinds):
    """What was asked and proved about these goes along: it is nobody else's to read."""
    asked = update(ChangeRequest).where(ChangeRequest.family_id == family_id, ChangeRequest.kind.in_(list(kinds)))
    proofs = update(StoredFile).where(StoredFile.family_id == family_id, StoredFile.noun.in_([noun.value for noun in kinds.values()]))
    db.session.flush()
    if kinds:
        db.session.execute(asked.values(family_id=new_id))
        db.session.execute(proofs.values(family_id=new_id))


def _move_access(adult, family_id, new_id, *, by):
    """The account acts for the other file from the next sign-in on; its identifier and password stay. Unused letters open nothing."""
    lapse_codes(adult.id)
    for link in db.session.scalars(select(FamilyLink).filter_by(adult_id=adult.id, family_id=family_id, ended_at=None)):
        end_link(link, _("Separation"), by=by)
        db.session.flush()
        link_family(link.account, new_id, AdultRole.guardian.value, adult_id=adult.id)
        close_sessions(link.account, by=by)
        if new_id != family_id:
            _move_conversations(link.account_id, family_id, new_id)


def _move_conversations(account_id, family_id, new_id):
    """What one adult alone wrote with the town goes along; what both could read stays."""
    mine = (Thread.family_id == family_id) & (Thread.account_id == account_id)
    files = select(MessageFile.file_id).join(Message, Message.id == MessageFile.message_id).join(Thread, Thread.id == Message.thread_id)
    db.session.execute(update(StoredFile).where(StoredFile.id.in_(files.where(mine))).values(family_id=new_id))
    db.session.execute(update(Thread).where(mine).values(family_id=new_id))


def _settle(home, household, new, *, by):
    """Let one child live where it was said."""
    if home.where is Where.stays:
        return
    child, today = household.child, clock.today()
    moves = home.where is Where.moves
    weeks, pays = (household.weeks, household.pays) if moves else (home.weeks, home.pays is not Pays.stays)
    own = Household(child=child, family=new, weeks=weeks, pays=pays, started_on=today)
    db.session.add(own)
    db.session.flush()
    record("household.add", own, by=by)
    if moves:
        end_household(household)
        record("household.ended", household, by=by)
        return
    kept = {"weeks": OPPOSITE[home.weeks], "pays": home.pays is not Pays.leaves}
    record("household.edit", household, by=by, changes={name: (getattr(household, name), value) for name, value in kept.items()})
    household.weeks, household.pays = kept["weeks"], kept["pays"]
