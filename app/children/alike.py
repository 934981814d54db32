"""Which families that the town knows may be the one that asks to be known? Those with the same address, telephone, names or dates."""

from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import and_, false, func, or_, select
from sqlalchemy.orm import contains_eager, joinedload

from app.children.models import Child, Household
from app.core.i18n import _
from app.core.search import fold, folded
from app.extensions import db
from app.families.models import Adult, Family

PHONES = ("mobile", "phone", "work_phone")
#: So many are shown, those with most in common first.
MOST = 5


@dataclass
class Alike:
    """A family that may be the same, and what it has in common."""

    family: Family
    #: {person of the file: [what is the same]}.
    common: dict = field(default_factory=dict)

    def note(self, person, what):
        """One more thing in common, each once."""
        whats = self.common.setdefault(str(person), [])
        if what not in whats:
            whats.append(what)

    @property
    def reasons(self):
        """A line for each person of the file."""
        return [_("%(section)s: %(name)s", section=person, name=", ".join(whats)) for person, whats in self.common.items()]


def alike(asked):
    """[Alike] for what a new family said of itself, those with most in common first; two queries."""
    adults = [one for one in (asked.get("guardian"), asked.get("spouse")) if one]
    found = {}
    for known in _adults(adults):
        for what in (what for one in adults for what in _in_common(one, known)):
            found.setdefault(known.family_id, Alike(known.family)).note(known, what)
    for child, family in _children(asked.get("children") or []):
        found.setdefault(family.id, Alike(family)).note(child, _("same first name and date of birth"))
    return sorted(found.values(), key=lambda one: (-sum(map(len, one.common.values())), one.family.id))[:MOST]


def known_children(family_id, children):
    """{place in this list: id} of the children whom the file of a family has already; one query."""
    found = _children(children, Household.family_id == family_id)
    known = {(fold(child.first_name), child.birth_date): child.id for child, _family in found}
    places = {place: known.get((fold(one["first_name"]), date.fromisoformat(one["birth_date"]))) for place, one in enumerate(children)}
    return {place: child_id for place, child_id in places.items() if child_id}


def _adults(adults):
    """The Adults of the files who have something of these in common, with their families."""
    emails = {one["email"].lower() for one in adults if one.get("email")}
    phones = {number for one in adults for number in _numbers(one)}
    here = [
        func.lower(Adult.email).in_(emails) if emails else false(),
        *(_digits(getattr(Adult, name)).in_(phones) for name in PHONES if phones),
        *(_name_and(one) for one in adults),
    ]
    query = select(Adult).join(Adult.family).options(contains_eager(Adult.family)).where(or_(*here)).order_by(Adult.id).limit(50)
    return db.session.scalars(query).all()


def _name_and(one):
    """The SQL condition: the last name, and the first name or the address."""
    more = [folded(Adult.first_name) == fold(one["first_name"])]
    if one.get("address"):
        more.append(folded(Adult.address) == fold(one["address"]))
    return and_(folded(Adult.last_name) == fold(one["last_name"]), or_(*more))


def _in_common(one, known):
    """What somebody has in common with an adult of a file, in words."""
    if one.get("email") and known.email and one["email"].lower() == known.email.lower():
        yield _("same e-mail address")
    if _numbers(one) & _numbers({name: getattr(known, name) for name in PHONES}):
        yield _("same telephone number")
    if fold(one["last_name"]) != fold(known.last_name):
        return
    if one.get("address") and fold(one["address"]) == fold(known.address):
        yield _("same last name and address")
    if fold(one["first_name"]) == fold(known.first_name):
        born = one.get("birth_date") and known.birth_date and one["birth_date"] == known.birth_date.isoformat()
        yield _("same name and date of birth") if born else _("same first name and last name")


def _numbers(values):
    """The telephone numbers of somebody, as digits alone."""
    return {"".join(sign for sign in values[name] if sign.isdigit() or sign == "+") for name in PHONES if values.get(name)}


def _digits(column):
    return func.replace(func.replace(column, " ", ""), ".", "")


def _children(children, *conditions):
    """[(Child, Family)] of the children of the files with the first name and the day of birth of one of these."""
    if not children:
        return []
    same = (
        and_(Child.birth_date == date.fromisoformat(one["birth_date"]), folded(Child.first_name) == fold(one["first_name"]))
        for one in children
    )
    query = select(Household).join(Household.child).options(contains_eager(Household.child), joinedload(Household.family, innerjoin=True))
    rows = db.session.scalars(query.where(Household.ended_on.is_(None), or_(*same), *conditions).order_by(Household.id).limit(50))
    return [(row.child, row.family) for row in rows]
