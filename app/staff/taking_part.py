"""In what do children take part? Enrolments, the next days, papers there and missing, in one query for a page of a family or a child."""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from itertools import chain

from sqlalchemy import Date, Integer, String, bindparam, cast, exists, literal, null, select, type_coerce, union_all

from app.activities.models import Activity, Booking, Enrolment, Paper, PaperType, Unit, Whose
from app.activities.models.activity import activity_paper
from app.activities.models.booking import BookingState
from app.activities.papers import Standing, state_of
from app.children.models import Child, Household
from app.core import clock
from app.extensions import db
from app.families.models import Family
from app.security.scope import may
from app.security.who_sees_what import Noun

#: How far ahead the next days go.
AHEAD = timedelta(days=14)
TODAY = bindparam("today")
TYPES = {"what": String, "child_id": Integer, "id": Integer, "title": String, "unit": String, "first": Date, "last": Date, "state": String}


@dataclass
class Part:
    """What a page shows of its children. Rows have child_id, id, title, unit, first, last, state."""

    enrolments: list = field(default_factory=list)
    #: Booked, absent or taken away, day by day.
    days: list = field(default_factory=list)
    #: [(row, how things are with the paper)], the missing ones first.
    papers: list = field(default_factory=list)


def part_of_family(family_id):
    """The Part of a family's children and of its papers, as far as the person may see it."""
    return _part(Family, family_id)


def part_of_child(child_id):
    """The same of one child."""
    return _part(Child, child_id)


def _part(model, number):
    nouns = tuple(noun for noun in (Noun.enrolment, Noun.booking, Noun.paper) if may(noun, "read"))
    given = {"whose": number, "today": clock.today(), "last": clock.today() + AHEAD}
    rows, part = db.session.execute(_query(model, nouns), given).all() if nouns else [], Part()
    for row in sorted(rows, key=lambda row: (row.first or clock.today(), row.child_id or 0, row.id)):
        if row.what == "enrolment":
            part.enrolments.append(row)
        elif row.what == "day":
            part.days.append(row)
        else:
            part.papers.append((row, Standing.missing if row.what == "missing" else state_of(Paper(valid_until=row.last))))
    part.papers = _newest(part.papers)
    return part


def _newest(papers):
    """Of papers of one type and child the one that is good for longest; what is missing comes first."""
    kept = {}
    for row, state in papers:
        key = row.child_id, row.title
        if key not in kept or (kept[key][0].last or clock.today().max) <= (row.last or clock.today().max):
            kept[key] = row, state
    order = [Standing.missing, Standing.expired, Standing.expiring, Standing.present]
    return sorted(kept.values(), key=lambda paper: (order.index(paper[1]), paper[0].title))


@cache
def _query(model, nouns):
    """Built once for what a role may read of a family or a child: SQLAlchemy takes longer to build it than to run it."""
    whose = bindparam("whose")
    same = (Household.child_id if model is Child else Household.family_id) == whose
    families = select(Household.family_id).where(same, Household.ended_on.is_(None)) if model is Child else [whose]
    children = select(Household.child_id).where(same, Household.ended_on.is_(None)) if model is Family else [whose]
    parts = {Noun.enrolment: [_enrolments(children)], Noun.booking: [_days(children)]}
    parts[Noun.paper] = [_papers(children, families), _missing(children)]
    return union_all(*chain.from_iterable(parts[noun] for noun in nouns))


def _columns(what, **given):
    given["what"] = literal(what)
    return [(type_coerce(given[name], kind()) if name in given else cast(null(), kind())).label(name) for name, kind in TYPES.items()]


def _enrolments(children):
    columns = _columns(
        "enrolment",
        child_id=Enrolment.child_id,
        id=Enrolment.id,
        title=Activity.name,
        first=Enrolment.starts_on,
        last=Enrolment.ends_on,
    )
    query = select(*columns).join(Activity, Activity.id == Enrolment.activity_id)
    return query.where(Enrolment.child_id.in_(children), Enrolment.ends_on >= TODAY)


def _days(children):
    columns = _columns(
        "day",
        child_id=Booking.child_id,
        id=Booking.id,
        title=Activity.name,
        unit=Unit.name,
        first=Booking.day,
        last=Booking.day,
        state=Booking.state,
    )
    query = select(*columns).join(Unit, Unit.id == Booking.unit_id).join(Activity, Activity.id == Unit.activity_id)
    return query.where(Booking.child_id.in_(children), Booking.day.between(TODAY, bindparam("last")))


def _papers(children, families):
    columns = _columns("paper", child_id=Paper.child_id, id=Paper.id, title=PaperType.name, first=Paper.received_on, last=Paper.valid_until)
    query = select(*columns).join(PaperType, PaperType.id == Paper.paper_type_id)
    return query.where(Paper.child_id.in_(children) | (Paper.child_id.is_(None) & Paper.family_id.in_(families)))


def _missing(children):
    """Papers of a child that one of its activities asks for, and that the town has never had."""
    there = exists().where(Paper.paper_type_id == PaperType.id, Paper.child_id == Enrolment.child_id)
    columns = _columns("missing", child_id=Enrolment.child_id, id=PaperType.id, title=PaperType.name)
    return (
        select(*columns)
        .join(activity_paper, activity_paper.c.activity_id == Enrolment.activity_id)
        .join(PaperType, PaperType.id == activity_paper.c.paper_type_id)
        .where(Enrolment.child_id.in_(children), Enrolment.ends_on >= TODAY, PaperType.whose == Whose.child, ~there)
        .distinct()
    )


def state_label(name):
    """A booking's state in words, from its value."""
    return BookingState(name).label
