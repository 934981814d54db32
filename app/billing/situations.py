"""In which situation is a child on a day: quotient, residence, fund, brothers and sisters, own lunch, what was granted? One query."""

from bisect import bisect_right
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from sqlalchemy import Date, Integer, String, Text, bindparam, cast, null, select, type_coerce, union_all
from sqlalchemy import literal as sql_literal

from app.activities.models import Enrolment
from app.billing.grid import Residence, Stage
from app.billing.models import RateGrant, ThirdPartyShare
from app.billing.pricing import Share, Situation
from app.children.models import Child, HealthRecord, Household, Level, SchoolEnrolment, SchoolYear
from app.core import clock
from app.core.codec import decode
from app.core.encryption import unseal
from app.core.money import from_cents
from app.extensions import db
from app.families.models import CafData, Family, FormerPlace, Fund, IncomeQuotient
from app.families.quotients import quotient_ends

NURSERY = frozenset({Level.tps.name, Level.ps.name, Level.ms.name, Level.gs.name})
#: A school year counts until the next one begins, at most so long after its end: over the summer.
SUMMER = timedelta(days=75)
#: So many households a query: SQLite takes 32,766 values, and each number is given seven times.
AT_ONCE = 2000


class Fact(NamedTuple):
    """One thing that prices may depend on, from a day to a day; what does not matter is None."""

    what: str
    family_id: int
    child_id: int | None
    activity_id: int | None
    id: int | None
    first: date | None
    last: date | None
    born: date | None
    number: int | None
    cents: int | None
    text: str | None
    #: Sealed: a quotient; or whether a child brings its lunch, has a care plan, and until when.
    secret: str | None
    pai: str | None
    pai_until: str | None

    def covers(self, day):
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


_TYPES = (Integer, Integer, Integer, Integer, Date, Date, Date, Integer, Integer, String, Text, Text, Text)
FAMILIES, FIRST, LAST = bindparam("families", expanding=True), bindparam("first", type_=Date), bindparam("last", type_=Date)


def row_of(what, **given):
    """The columns of one part of the union; what it does not give is null, of the right type for PostgreSQL. Sealed values stay sealed."""
    names = zip(Fact._fields[1:], _TYPES, strict=True)
    return [
        sql_literal(what).label("what"),
        *((type_coerce(given[name], kind()) if name in given else cast(null(), kind())).label(name) for name, kind in names),
    ]


def _household():
    columns = row_of("household", family_id=Family.id, number=cast(Family.resident, Integer), text=CafData.fund)
    return select(*columns).outerjoin(CafData, CafData.family_id == Family.id).where(Family.id.in_(FAMILIES))


def _former_places():
    columns = row_of(
        "former",
        family_id=FormerPlace.family_id,
        last=FormerPlace.last_day,
        number=cast(FormerPlace.resident, Integer),
        text=FormerPlace.fund,
    )
    return select(*columns).where(FormerPlace.family_id.in_(FAMILIES), FormerPlace.last_day >= FIRST)


def _quotients():
    columns = row_of("quotient", family_id=IncomeQuotient.family_id, first=IncomeQuotient.counts_from, secret=IncomeQuotient.value)
    return select(*columns).where(IncomeQuotient.family_id.in_(FAMILIES), IncomeQuotient.counts_from <= LAST)


def _children():
    columns = row_of(
        "child",
        family_id=Household.family_id,
        child_id=Child.id,
        first=Household.started_on,
        last=Household.ended_on,
        born=Child.birth_date,
        number=cast(Household.pays, Integer),
        secret=HealthRecord.own_lunch,
        pai=HealthRecord.pai,
        pai_until=HealthRecord.pai_until,
    )
    query = select(*columns).select_from(Household).join(Child, Child.id == Household.child_id)
    return query.outerjoin(HealthRecord, HealthRecord.child_id == Child.id).where(Household.family_id.in_(FAMILIES))


def _enrolments():
    columns = row_of(
        "enrolment",
        family_id=Household.family_id,
        child_id=Enrolment.child_id,
        activity_id=Enrolment.activity_id,
        first=Enrolment.starts_on,
        last=Enrolment.ends_on,
    )
    query = select(*columns).select_from(Household).join(Enrolment, Enrolment.child_id == Household.child_id).distinct()
    return query.where(Household.family_id.in_(FAMILIES), Enrolment.starts_on <= LAST, Enrolment.ends_on >= FIRST)


def _levels():
    year = {"first": SchoolYear.starts_on, "last": SchoolYear.ends_on}
    columns = row_of("level", family_id=Household.family_id, child_id=Household.child_id, text=SchoolEnrolment.level, **year)
    query = select(*columns).select_from(Household).join(SchoolEnrolment, SchoolEnrolment.child_id == Household.child_id).distinct()
    query = query.join(SchoolYear, SchoolYear.id == SchoolEnrolment.school_year_id)
    return query.where(
        Household.family_id.in_(FAMILIES), SchoolYear.starts_on <= LAST, SchoolYear.ends_on >= bindparam("summer", type_=Date)
    )


def _granted(what, model, **more):
    given = {name: getattr(model, name) for name in ("family_id", "child_id", "id")}
    columns = row_of(what, first=model.starts_on, last=model.ends_on, **given, **more)
    query = select(*columns).where(model.family_id.in_(FAMILIES), model.starts_on <= LAST)
    return query.where(model.ends_on.is_(None) | (model.ends_on >= FIRST))


def parts():
    """The selects that the one statement is made of; they ask for what parameters() gives."""
    share = {"activity_id": ThirdPartyShare.activity_id, "number": ThirdPartyShare.percent, "cents": ThirdPartyShare.amount}
    return [
        _household(),
        _former_places(),
        _quotients(),
        _children(),
        _enrolments(),
        _levels(),
        _granted("grant", RateGrant, text=RateGrant.category),
        _granted("share", ThirdPartyShare, text=ThirdPartyShare.payer, **share),
    ]


@cache
def everything():
    """The one statement; built once, since that takes longer than running it."""
    return union_all(*parts())


def parameters(family_ids, first, last):
    """What parts() ask for."""
    return {"families": family_ids, "first": first, "last": last, "summer": first - SUMMER}


def _open(kind, sealed):
    return None if sealed is None else decode(kind, unseal(sealed))


class _Of:
    """What is known of one household."""

    def __init__(self):
        self.resident, self.fund = True, Fund.none.value
        self.quotients, self.shares, self.grants, self.former = [], [], [], []
        #: {child id: [its links to the household]}, {activity id: {child id: [its enrolments]}}
        self.links, self.enrolments = defaultdict(list), defaultdict(lambda: defaultdict(list))
        self.levels = defaultdict(list)
        self._opened, self._edges = {}, None

    def take(self, fact):
        match fact.what:
            case "household":
                self.resident, self.fund = bool(fact.number), fact.text or Fund.none.value
            case "former":
                self.former.append(fact)
            case "quotient":
                self.quotients.append(fact._replace(last=quotient_ends(fact.first)))
            case "child":
                self.links[fact.child_id].append(fact)
            case "enrolment":
                self.enrolments[fact.activity_id][fact.child_id].append(fact)
            case "level":
                self.levels[fact.child_id].append(fact._replace(last=fact.last + SUMMER))
            case "grant":
                self.grants.append(fact)
            case _:
                self.shares.append(fact)

    def sort(self):
        self.quotients.sort(key=lambda fact: fact.first)
        self.shares.sort(key=lambda fact: fact.id)
        self.former.sort(key=lambda fact: fact.last)
        for levels in self.levels.values():
            levels.sort(key=lambda fact: fact.first)

    def stretch(self, day):
        """A number that is the same for all days between which nothing changes."""
        if self._edges is None:
            edges = {fact.first for fact in self._facts() if fact.first is not None}
            edges |= {fact.last + timedelta(days=1) for fact in self._facts() if fact.last is not None and fact.last < date.max}
            edges |= {until + timedelta(days=1) for until in self._ends_of_care_plans() if until < date.max}
            self._edges = sorted(edges)
        return bisect_right(self._edges, day)

    def _facts(self):
        yield from (*self.quotients, *self.grants, *self.shares, *self.former)
        for rows in (*self.links.values(), *self.levels.values()):
            yield from rows
        for children in self.enrolments.values():
            for rows in children.values():
                yield from rows

    def _ends_of_care_plans(self):
        return filter(None, (self.lunch_until(child_id) for child_id in self.links))

    def quotient(self, day):
        """(euros, from which day on, until when) of the quotient that counts on a day; without euros where the last one has run out."""
        place = bisect_right(self.quotients, day, key=lambda fact: fact.first) - 1
        if place < 0:
            return None, None, None
        fact = self.quotients[place]
        if not fact.covers(day):
            return None, fact.first, fact.last
        if place not in self._opened:
            self._opened[place] = _open(Decimal, fact.secret)
        return self._opened[place], fact.first, fact.last

    def residence(self, day):
        """Where the household lived on a day."""
        known = next((fact.number for fact in self.former if fact.number is not None and day <= fact.last), self.resident)
        return Residence.resident if known else Residence.exterior

    def fund_on(self, day):
        """At which fund the household was on a day."""
        return next((fact.text for fact in self.former if fact.text is not None and day <= fact.last), self.fund)

    def lunch_until(self, child_id):
        """Until when the child brings its own lunch: a day, date.max for ever, None for not at all."""
        links = self.links.get(child_id)
        if not links or links[0].secret is None or not (_open(bool, links[0].secret) and _open(bool, links[0].pai)):
            return None
        return _open(date, links[0].pai_until) or date.max

    def enrolled(self, child_id, activity_id, day):
        """The children who live here and are enrolled that day, eldest first; the one that is priced is always among them."""
        found = {
            child: self.links[child][0].born
            for child, rows in self.enrolments[activity_id].items()
            if any(row.covers(day) for row in rows) and any(link.covers(day) for link in self.links[child])
        }
        links = self.links.get(child_id)
        found.setdefault(child_id, links[0].born if links else date.max)
        return sorted(found, key=lambda child: (found[child], child))

    def pays(self, child_id, day):
        """Whether this household pays for a child on a day; the weeks of custody are another matter."""
        links = [link for link in self.links.get(child_id, ()) if link.covers(day)]
        return not links or any(link.number for link in links)

    def age(self, child_id, day):
        """Completed years of a child of the household, or None."""
        links = self.links.get(child_id)
        return clock.age(links[0].born, day) if links else None

    def stage(self, child_id, day):
        """The value of a Stage, "" where no school is known: by the school year that began last."""
        levels = [fact for fact in self.levels.get(child_id, ()) if fact.covers(day)]
        return (Stage.nursery if levels[-1].text in NURSERY else Stage.primary).value if levels else ""

    def situation(self, child_id, activity_id, day):
        quotient, since, until = self.quotient(day)
        enrolled = self.enrolled(child_id, activity_id, day)
        lunch = self.lunch_until(child_id)
        mine = [fact for fact in (*self.grants, *self.shares) if fact.child_id in (None, child_id) and fact.covers(day)]
        return Situation(
            quotient=quotient,
            quotient_from=since,
            quotient_until=until,
            residence=self.residence(day),
            fund=self.fund_on(day),
            children=len(enrolled),
            rank=enrolled.index(child_id) + 1,
            own_lunch=lunch is not None and day <= lunch,
            age=self.age(child_id, day),
            stage=self.stage(child_id, day),
            categories=frozenset(fact.text.casefold() for fact in mine if fact.what == "grant"),
            shares=tuple(_share(fact) for fact in mine if fact.what == "share" and fact.activity_id in (None, activity_id)),
        )


def _share(fact):
    return Share(fact.text, *(None if number is None else from_cents(number) for number in (fact.number, fact.cents)))


class Situations:
    """The situations of some households between two days. One Situation for all days between which nothing changes."""

    def __init__(self, facts):
        self._of, self._made = defaultdict(_Of), {}
        for fact in facts:
            self._of[fact.family_id].take(fact)
        for known in self._of.values():
            known.sort()

    @classmethod
    def load(cls, family_ids, first, last):
        """Of these households, from first to last; one query for every AT_ONCE of them."""
        return cls(cls._facts(sorted(set(family_ids)), first, last))

    @staticmethod
    def _facts(family_ids, first, last):
        for start in range(0, len(family_ids), AT_ONCE):
            given = parameters(family_ids[start : start + AT_ONCE], first, last)
            for row in db.session.execute(everything(), given):
                yield Fact(*row)

    def __contains__(self, family_id):
        """Whether this household was asked for, and is there."""
        return family_id in self._of

    def of(self, family_id, child_id, activity_id, day):
        """The Situation of a child of a household, as an activity's prices see it on a day."""
        known = self._of[family_id]
        key = family_id, child_id, activity_id, known.stretch(day), known.age(child_id, day)
        if key not in self._made:
            self._made[key] = known.situation(child_id, activity_id, day)
        return self._made[key]

    def pays(self, family_id, child_id, day):
        """Whether a household pays for a child on a day."""
        return self._of[family_id].pays(child_id, day)
