"""Which papers does the town ask of a family, which does it have and until when? And who is reminded of one that runs out?"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache

from flask_babel import get_locale
from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import joinedload

from app.activities.models import Activity, Enrolment, Paper, PaperType, PaperValidity, Whose
from app.activities.models.activity import activity_paper
from app.changes.models import OPEN, Act, ChangeRequest
from app.children.models import Child, SchoolYear
from app.children.queries import children_of
from app.core import clock
from app.core.db import unit_of_work
from app.core.enums import Labelled
from app.core.i18n import _l
from app.extensions import db
from app.mail.operations import queue_mail
from app.security.queries import readers_of

#: So long before its last good day a paper is asked for again.
AHEAD = timedelta(days=30)
#: A paper that comes so shortly before a school year begins is for that year.
EARLY = timedelta(days=60)


class Standing(Labelled):
    """How things are with a paper that the town asks for."""

    missing = "missing", _l("missing")
    present = "present", _l("the town has it")
    expiring = "expiring", _l("runs out soon")
    expired = "expired", _l("has run out")


@dataclass
class Asked:
    """A paper that the town asks for: of the family, or of one child."""

    paper_type: PaperType
    child: Child | None
    #: Names of the activities that ask for it; none: it is asked of everybody.
    activities: list = field(default_factory=list)
    #: What the town has: the one that is good for longest.
    paper: Paper | None = None
    #: The family's newest request that waits.
    request: ChangeRequest | None = None

    @property
    def child_id(self):
        return self.child.id if self.child is not None else None

    @property
    def name(self):
        return name_of(self.paper_type)

    @property
    def state(self):
        return state_of(self.paper)

    @property
    def lacking(self):
        """Whether the town has none that is good today."""
        return self.state in (Standing.missing, Standing.expired)

    @property
    def to_send(self):
        """Whether the family should send it: asked for again only when it runs out."""
        return self.state is not Standing.present and self.request is None


def name_of(paper_type):
    """What a paper is called in the reader's language."""
    return paper_type.name_en if paper_type.name_en and str(get_locale()).startswith("en") else paper_type.name


def state_of(paper):
    """How things are with a paper, or with none."""
    if paper is None:
        return Standing.missing
    if paper.valid_until is None or paper.valid_until > clock.today() + AHEAD:
        return Standing.present
    return Standing.expired if paper.valid_until < clock.today() else Standing.expiring


def asked_papers(family_id, *, children=None, requests=None):
    """Every paper that the town asks of a family, those of the family first; one query where children and requests are given."""
    children = children_of(family_id) if children is None else children
    requests = open_requests(family_id) if requests is None else requests
    wanted, known = _wanted(family_id, children, requests)
    for one in wanted:
        one.paper = best(known, one.paper_type.id, one.child_id)
        one.request = next((row for row in requests if _is_for(row, one)), None)
    return wanted


def lacking(family_id, children):
    """What the family should have sent long ago: papers that are missing or have run out, as Asked. One query, two where there are any."""
    found = [one for one in asked_papers(family_id, children=children, requests=[]) if one.lacking]
    requests = open_requests(family_id) if found else []
    for one in found:
        one.request = next((row for row in requests if _is_for(row, one)), None)
    return found


def _wanted(family_id, children, requests):
    """([Asked], the papers of these types that the town has)."""
    asking = _asked_activities(requests)
    values = {
        "family": family_id,
        "children": [child.id for child in children],
        "asking": sorted({activity for _child, activity in asking}),
        "today": clock.today(),
    }
    rows = db.session.execute(_asked_or_known(), values).all()
    doing = asking | {(child_id, activity_id) for _type, activity_id, _name, child_id, _paper in rows if child_id}
    found = {}
    for paper_type, activity_id, name, _child_id, _paper in rows:
        takers = [child for child in children if paper_type.asked_of_all or (child.id, activity_id) in doing]
        for child in takers if paper_type.whose is Whose.child else [None] * bool(takers or paper_type.asked_of_all):
            one = found.setdefault((paper_type.id, child and child.id), Asked(paper_type, child))
            takes_part = (child.id, activity_id) in doing if child else any(activity == activity_id for _child, activity in doing)
            if takes_part and name not in one.activities:
                one.activities.append(name)
    rank = {child.id: number for number, child in enumerate(children, 1)}
    wanted = sorted(found.values(), key=lambda one: (rank.get(one.child_id, 0), one.paper_type.id))
    return wanted, {row.Paper for row in rows if row.Paper is not None}


@cache
def _asked_or_known():
    """Types that the town asks for with what asks for them, and the papers of these types; built once, every home page runs it."""
    family, children = bindparam("family"), bindparam("children", expanding=True)
    here = (Enrolment.activity_id == Activity.id) & (Enrolment.family_id == family) & (Enrolment.ends_on >= bindparam("today"))
    query = select(PaperType, Activity.id, Activity.name, Enrolment.child_id, Paper).options(joinedload(Paper.file))
    query = query.outerjoin(activity_paper, activity_paper.c.paper_type_id == PaperType.id)
    query = query.outerjoin(Activity, Activity.id == activity_paper.c.activity_id).outerjoin(Enrolment, here)
    # By owner, each by its index: SQLite would read all papers of a type that the town has.
    papers = select(Paper.id, Paper.paper_type_id)
    known = papers.where(Paper.family_id == family).union(papers.where(Paper.child_id.in_(children))).subquery()
    query = query.outerjoin(known, known.c.paper_type_id == PaperType.id).outerjoin(Paper, Paper.id == known.c.id)
    asked = PaperType.asked_of_all | Enrolment.id.is_not(None) | Activity.id.in_(bindparam("asking", expanding=True))
    return query.where(asked).order_by(PaperType.id, Activity.position, Activity.id, Enrolment.id)


def _asked_activities(requests):
    """{(child, activity)} that the family asks for."""
    return {
        (row.child_id, row.changes["activity_id"]["after"])
        for row in requests
        if row.kind == "enrolment" and row.act is Act.add and row.open and "activity_id" in row.changes
    }


_OPEN_REQUESTS = (
    select(ChangeRequest)
    .where(ChangeRequest.family_id == bindparam("family"), ChangeRequest.kind.in_(("enrolment", "paper")), ChangeRequest.state.in_(OPEN))
    .order_by(ChangeRequest.id.desc())
)


def open_requests(family_id):
    """The family's requests about enrolments and papers that wait, newest first."""
    return db.session.scalars(_OPEN_REQUESTS, {"family": family_id}).all()


def papers_of(family_id, child_ids):
    """The papers of a family, and those of its children whichever household brought them: the town asks for none twice."""
    query = select(Paper).where(_known(family_id, child_ids))
    return db.session.scalars(query.options(joinedload(Paper.file)).order_by(Paper.id)).all()


def _known(family_id, child_ids):
    return or_(Paper.family_id == family_id, Paper.child_id.in_(child_ids))


def best(papers, type_id, child_id):
    """Of the papers of one type, of a child or of the family, the one that is good for longest; None where there is none."""
    same = [paper for paper in papers if paper.paper_type_id == type_id and paper.child_id == child_id]
    return max(same, key=lambda paper: (paper.valid_until or date.max, paper.id), default=None)


def _is_for(request, one):
    return (
        request.kind == "paper"
        and request.open
        and request.child_id == one.child_id
        and request.changes.get("paper_type_id", {}).get("after") == one.paper_type.id
    )


def asked_for_activity(activity, child, family_id, *, requests=None):
    """What an activity asks of a child and its family before it comes, as Asked."""
    requests = open_requests(family_id) if requests is None else requests
    known = papers_of(family_id, [child.id])
    found = []
    for paper_type in activity.papers:
        one = Asked(paper_type, child if paper_type.whose is Whose.child else None, [activity.name])
        one.paper = best(known, paper_type.id, one.child_id)
        one.request = next((row for row in requests if _is_for(row, one)), None)
        found.append(one)
    return found


# -- how long it is good --------------------------------------------------------------------------------------------------------


def last_good_day(paper_type, received_on, stated=None):
    """Until when a paper that came on a day is good; None: for ever."""
    if paper_type.validity is PaperValidity.stated:
        return stated
    if paper_type.validity is PaperValidity.months:
        return months_after(received_on, paper_type.months)
    return end_of_school_year(received_on) if paper_type.validity is PaperValidity.school_year else None


def months_after(day, months):
    """The same day some months later; the last of the month where there is none."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    first_of_next = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return min(date(year, month + 1, 1) + timedelta(days=day.day - 1), first_of_next - timedelta(days=1))


def end_of_school_year(day):
    """The last day of the school year that a day belongs to, or that begins within EARLY."""
    begun = select(SchoolYear.ends_on).where(SchoolYear.starts_on <= day + EARLY, SchoolYear.ends_on >= day)
    found = db.session.scalar(begun.order_by(SchoolYear.starts_on.desc()).limit(1))
    ahead = day + EARLY
    return found or date(ahead.year + (ahead >= date(ahead.year, 9, 1)), 8, 31)


def keep_paper(paper_type, family_id, child_id, file_id, *, received_on, stated=None):
    """Note, within the open unit of work, that the town has a paper; returns the Paper."""
    row = Paper(paper_type=paper_type, family_id=family_id, child_id=child_id, file_id=file_id, received_on=received_on)
    row.valid_until = last_good_day(paper_type, received_on, stated)
    db.session.add(row)
    return row


# -- the reminder ---------------------------------------------------------------------------------------------------------------


def remind_of_papers(limit=50):
    """Write once to each family whose papers run out within AHEAD; returns how many families were looked at."""
    today = clock.today()
    due = select(Paper.family_id).where(Paper.reminded_on.is_(None), Paper.valid_until >= today, Paper.valid_until <= today + AHEAD)
    families = db.session.scalars(due.distinct().order_by(Paper.family_id).limit(limit)).all()
    for family_id in families:
        with unit_of_work():
            _remind(family_id, today)
    return len(families)


def _remind(family_id, today):
    running_out = select(Paper).where(
        Paper.family_id == family_id, Paper.reminded_on.is_(None), Paper.valid_until >= today, Paper.valid_until <= today + AHEAD
    )
    papers = db.session.scalars(running_out.order_by(Paper.id).with_for_update()).all()
    for paper in papers:
        paper.reminded_on = today
    told = [one for one in asked_papers(family_id) if one.to_send and one.paper in papers]
    reader = readers_of([(None, family_id)])[None, family_id]
    if told and reader is not None:
        queue_mail(
            reader.email,
            "papers",
            locale=reader.locale,
            family_id=family_id,
            account_id=reader.account_id,
            papers=told,
            signs_in=reader.account_id is not None,
        )
