"""Which lots wait on a clerk, in which order? The queue under its filters, read in one query however long it is."""

from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Integer, bindparam, exists, func, or_, select
from sqlalchemy.sql.functions import Function

from app.changes.kinds import KINDS, Tab
from app.changes.models import Act, ChangeLot, ChangeRequest, Lane, Preregistration, RequestState
from app.children.models import Child, Household, School, SchoolEnrolment, SchoolYear
from app.core import clock, settings
from app.core.forms import named_id
from app.core.i18n import _
from app.core.search import contains, words
from app.extensions import db
from app.families.models import Family
from app.security.models import Account

PAGE = 30
LANES = ("green", "look", "papers", "late", "queued")
WHOSE = ("all", "mine", "nobody")


@dataclass(frozen=True)
class Filters:
    """What a clerk has chosen to see; travels in the address."""

    lane: str = ""
    tab: str = ""
    whose: str = "all"
    school: int = 0
    q: str = ""
    page: int = 1

    @classmethod
    def read(cls, args):
        """From a query string; what makes no sense is as if absent."""
        return cls(
            lane=_one_of(LANES, args.get("lane"), ""),
            tab=_one_of(list(Tab), args.get("tab"), ""),
            whose=_one_of(WHOSE, args.get("whose"), "all"),
            school=named_id(args.get("school")) or 0,
            q=" ".join(args.get("q", "").split())[:80],
            page=named_id(args.get("page")) or 1,
        )

    def args(self, **changes):
        """{name: value} for an address, without what is as by default."""
        # Without dataclasses.replace() and asdict(), which take longer than all the rest of a row.
        return {name: value for name, value in {**vars(self), **changes}.items() if value != BY_DEFAULT[name]}

    @property
    def narrowed(self):
        """Whether more than the lane was chosen."""
        return bool(self.args(lane="", page=1))


BY_DEFAULT = vars(Filters())


def _one_of(allowed, given, default):
    return given if given in [getattr(one, "value", one) for one in allowed] else default


@dataclass
class WaitingLot:
    """One item of the queue: what waits of a lot, of the kinds that the clerk decides."""

    id: int
    number: str
    family: str
    #: None of a family that the town does not know yet.
    family_id: int | None
    preregistration_id: int | None
    #: Who sent it.
    account_id: int | None
    seals_at: object
    channel: object
    assigned_to_id: int | None
    assigned_to: str
    target: timedelta
    #: The worst of what can be decided; the waiting list where nothing can.
    lane: Lane = Lane.queued
    asked_at: object = None
    requests: list = field(default_factory=list)
    files: int = 0
    conflict: bool = False
    later: bool = False
    #: Labels of the fields that change, on the pages that name them.
    fields: list = field(default_factory=list)

    @classmethod
    def begun(cls, row, target, *, later):
        """The lot of a row; its requests are added one by one."""
        clerk = " ".join(filter(None, (row.clerk_first, row.clerk_last)))
        whose = (row.family, row.family_id, row.preregistration_id, row.account_id)
        return cls(row.lot_id, row.number, *whose, row.seals_at, row.channel, row.assigned_to_id, clerk, target, later=later)

    @property
    def sealed(self):
        return self.seals_at <= clock.now()

    @property
    def late(self):
        return self.lane is not Lane.queued and clock.now() - self.asked_at > self.target

    @property
    def age(self):
        return age_of(self.asked_at)

    @property
    def about(self):
        """Whom it is about, each child once."""
        return ", ".join(dict.fromkeys(name for _kind, _act, name in self.requests if name))

    @property
    def titles(self):
        """What is asked, each once: "Photograph", "Guardian information"."""
        return list(dict.fromkeys(str(KINDS[kind].title) for kind, _act, _name in self.requests if kind in KINDS))

    def add(self, row):
        """Take one more of its requests."""
        self.requests.append(
            (row.kind, row.act, " ".join(filter(None, (row.child_first, row.child_last if row.child_last != self.family else ""))))
        )
        if self.lane is Lane.queued or row.lane is not Lane.queued:
            self.lane = row.lane if self.lane is Lane.queued else max(self.lane, row.lane, key=list(Lane).index)
        self.asked_at = min(filter(None, (self.asked_at, row.asked_at)))
        self.files += row.files or 0
        self.conflict = self.conflict or bool(row.conflict)

    @property
    def key(self):
        return (self.later, self.asked_at, self.id)


def age_of(instant):
    """How long ago, in the shortest words: 5 min, 3 h, 2 d."""
    minutes = int((clock.now() - instant).total_seconds() // 60)
    if minutes < 60:
        return _("%(number)d min", number=max(minutes, 0))
    if minutes < 48 * 60:
        return _("%(number)d h", number=minutes // 60)
    return _("%(number)d d", number=minutes // 1440)


#: The family's name; of one that the town does not know yet, the one that it gave.
WHOSE_NAME = func.coalesce(Family.name, Preregistration.name)


def _length(column):
    """How many a JSON column lists; by name, since `func` finds what a library registers and SQLAlchemy cannot cache."""
    return Function("json_array_length", column, type_=Integer)


#: What the queue reads of a request: no more than a row shows, so that nothing is decrypted for it.
COLUMNS = (
    *(
        ChangeRequest.lot_id,
        ChangeRequest.kind,
        ChangeRequest.act,
        ChangeRequest.lane,
        ChangeRequest.asked_at,
        _length(ChangeRequest.files).label("files"),
        _length(ChangeRequest.conflict).label("conflict"),
    ),
    *(ChangeLot.number, ChangeLot.family_id, ChangeLot.preregistration_id, ChangeLot.account_id),
    *(ChangeLot.seals_at, ChangeLot.channel, ChangeLot.assigned_to_id),
    *(WHOSE_NAME.label("family"), Child.first_name.label("child_first"), Child.last_name.label("child_last")),
    *(Account.first_name.label("clerk_first"), Account.last_name.label("clerk_last")),
)
#: Built once: SQLAlchemy takes longer to build it than to run it.
WAITING = (
    select(*COLUMNS)
    .select_from(ChangeRequest)
    .join(ChangeLot, ChangeLot.id == ChangeRequest.lot_id)
    .outerjoin(Family, Family.id == ChangeRequest.family_id)
    .outerjoin(Preregistration, Preregistration.id == ChangeLot.preregistration_id)
    .outerjoin(Child, Child.id == ChangeRequest.child_id)
    .outerjoin(Account, Account.id == ChangeLot.assigned_to_id)
    .where(ChangeRequest.state == RequestState.pending, ChangeRequest.kind.in_(bindparam("kinds", expanding=True)))
    .order_by(ChangeRequest.asked_at, ChangeRequest.id)
)


def waiting_lots(filters, kinds, me, later=()):
    """All lots that wait under these filters but the lane, oldest first, those that were put off last."""
    conditions = list(_conditions(filters, me))
    target, lots = timedelta(days=settings.get("target_days")), {}
    for row in db.session.execute(WAITING.where(*conditions) if conditions else WAITING, {"kinds": _names(kinds, filters.tab)}):
        if row.lot_id not in lots:
            lots[row.lot_id] = WaitingLot.begun(row, target, later=row.lot_id in later)
        lots[row.lot_id].add(row)
    return sorted(lots.values(), key=lambda lot: lot.key)


def numbered_lots(filters, kinds, listed):
    """[(id, number, family, states)] of lots with the number that was searched for, where the queue does not list them: mostly decided."""
    *year, rank = words(filters.q) or [""]
    if not rank.isdecimal() or len(year) > 1:
        return []
    named = ChangeLot.number == f"{year[0]}-{int(rank):04}" if year else ChangeLot.number.endswith(f"-{int(rank):04}")
    query = (
        select(ChangeLot.id, ChangeLot.number, WHOSE_NAME.label("family"), ChangeRequest.state)
        .join(ChangeLot.requests)
        .outerjoin(Family, Family.id == ChangeLot.family_id)
        .outerjoin(ChangeLot.preregistration)
        .where(named, ChangeRequest.kind.in_(_names(kinds, "")), ChangeLot.id.not_in([lot.id for lot in listed]))
    )
    found = {}
    for row in db.session.execute(query.order_by(ChangeLot.id.desc(), ChangeRequest.id)):
        found.setdefault((row.id, row.number, row.family), []).append(row.state)
    return [(*lot, list(dict.fromkeys(states))) for lot, states in found.items()]


def _names(kinds, tab):
    return [kind.name for kind in kinds if not tab or kind.tab == tab]


def _conditions(filters, me):
    if filters.whose != "all":
        yield ChangeLot.assigned_to_id == me.id if filters.whose == "mine" else ChangeLot.assigned_to_id.is_(None)
    if filters.school:
        yield _at_school(filters.school)
    for word in words(filters.q):
        yield or_(*(contains(column, word) for column in (WHOSE_NAME, Family.code, ChangeLot.number, Child.first_name, Child.last_name)))


def _at_school(school_id):
    """Requests about a child of the school; about the household, where one of its children goes there."""
    today = clock.today()
    here = select(SchoolEnrolment.child_id).join(SchoolYear, SchoolYear.id == SchoolEnrolment.school_year_id)
    here = here.where(SchoolEnrolment.school_id == school_id, SchoolYear.starts_on <= today, SchoolYear.ends_on >= today)
    household = exists().where(Household.family_id == ChangeRequest.family_id, Household.ended_on.is_(None), Household.child_id.in_(here))
    return or_(ChangeRequest.child_id.in_(here), ChangeRequest.child_id.is_(None) & household)


def in_lane(lots, lane):
    """The lots of a lane; "late" goes across the others. All of them: without those that nobody can decide before a place is free."""
    if not lane:
        return [lot for lot in lots if lot.lane is not Lane.queued]
    return [lot for lot in lots if (lot.late if lane == "late" else lot.lane.value == lane)]


def lane_counts(lots):
    """{lane: how many lots can be decided}, all of them under ""."""
    ready = [lot for lot in lots if lot.sealed]
    return {lane: len(in_lane(ready, lane)) for lane in ("", *LANES)}


def name_fields(lots, kinds):
    """Note on each of these lots which fields change: the page that lists them says more than "Guardian information"."""
    places, names = {lot.id: lot for lot in lots}, {kind.name for kind in kinds}
    columns = (ChangeRequest.lot_id, ChangeRequest.kind, ChangeRequest.changes)
    edits = select(*columns).where(ChangeRequest.lot_id.in_(places), ChangeRequest.kind.in_(names), ChangeRequest.act == Act.edit)
    for row in db.session.execute(edits.where(ChangeRequest.state == RequestState.pending).order_by(ChangeRequest.id)):
        kind = KINDS[row.kind]
        places[row.lot_id].fields += [str(kind.label(name)) for name in kind.fields if name in row.changes]


def page_of(lots, filters, lot_id=None):
    """(the page's lots, its number, how many pages): the page that the address names, or the one with this lot."""
    pages = max((len(lots) + PAGE - 1) // PAGE, 1)
    place = next((place for place, lot in enumerate(lots) if lot.id == lot_id), None)
    number = min(filters.page, pages) if place is None else place // PAGE + 1
    return lots[(number - 1) * PAGE : number * PAGE], number, pages


def neighbours(lots, lot_id, key):
    """(previous, next) lot around this one, where it would stand if it waits no more."""
    if key is None:
        return None, None
    before = [lot for lot in lots if lot.key < key and lot.id != lot_id]
    after = [lot for lot in lots if lot.key > key and lot.id != lot_id]
    return (before[-1] if before else None), (after[0] if after else None)


def next_to_decide(lots, lot_id, key):
    """The lot that comes up when this one is done: the next that can be decided, else the first."""
    ready = [lot for lot in lots if lot.sealed and lot.id != lot_id]
    return next((lot for lot in ready if key is None or lot.key > key), ready[0] if ready else None)


def schools():
    """[(id, name)] for the filter."""
    return db.session.execute(select(School.id, School.name).order_by(func.lower(School.name))).all()
