"""Which groups of families can the town write to by their children's schooling?"""

from sqlalchemy import select

from app.children.models import Household, School, SchoolClass, SchoolEnrolment
from app.children.queries import all_schools, this_year
from app.core.i18n import _l
from app.extensions import db
from app.messages.audiences import register


def _of_pupils(condition):
    """Families of the children who go to school this year where a condition holds."""
    pupils = select(SchoolEnrolment.child_id).where(SchoolEnrolment.school_year_id == this_year(), condition)
    return select(Household.family_id).where(Household.ended_on.is_(None), Household.child_id.in_(pupils))


def _schools():
    return [(str(school.id), school.name) for school in all_schools()]


def _classes():
    query = select(SchoolClass.id, School.name, SchoolClass.name).join(School, School.id == SchoolClass.school_id)
    rows = db.session.execute(query.where(SchoolClass.school_year_id == this_year()).order_by(School.name, SchoolClass.name))
    return [(str(number), f"{school}, {name}") for number, school, name in rows]


register("school", _l("a school"), lambda value: _of_pupils(SchoolEnrolment.school_id == int(value)), choices=_schools, position=10)
register("class", _l("a class"), lambda value: _of_pupils(SchoolEnrolment.school_class_id == int(value)), choices=_classes, position=11)
