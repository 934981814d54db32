"""What do screens read of children?"""

from sqlalchemy import bindparam, select
from sqlalchemy.orm import joinedload

from app.children.models import Child, Household, School, SchoolEnrolment, SchoolYear
from app.core import clock
from app.extensions import db

#: A child's schools, year by year, in the same query.
SCHOOLS = joinedload(Child.school_enrolments).options(
    *(joinedload(item) for item in (SchoolEnrolment.school_year, SchoolEnrolment.school, SchoolEnrolment.school_class))
)


#: Built once: nearly every page of a family asks it, and SQLAlchemy takes longer to build it than to run it.
CHILDREN = select(Child).where(Child.of_family(bindparam("family"))).order_by(Child.birth_date, Child.id)


def children_of(family_id, *loads):
    """The family's children, eldest first."""
    return db.session.scalars(CHILDREN.options(*loads), {"family": family_id}).all()


def child_of(family_id, child_id, *loads):
    """The child if it lives in this family, else None."""
    return db.session.scalar(select(Child).where(Child.id == child_id, Child.of_family(family_id)).options(*loads))


def household_of(child_id, family_id):
    """The open link of a child and a family, or None."""
    return db.session.scalar(select(Household).filter_by(child_id=child_id, family_id=family_id, ended_on=None))


def year_of(day):
    """The id of the school year that counts on a day, or on that of a column, as a sub-query: over the summer the one that has ended."""
    query = select(SchoolYear.id).where(SchoolYear.starts_on <= day).order_by(SchoolYear.starts_on.desc()).limit(1)
    return query.correlate_except(SchoolYear).scalar_subquery()


def current_year():
    """The school year that the town is busy with: that of today, over the summer the next to come; None where there is none.

    For lists and what is prepared. What happens on a day follows year_of().
    """
    return db.session.scalar(_this_year(SchoolYear))


def this_year():
    """Its id, as a sub-query."""
    return _this_year(SchoolYear.id).scalar_subquery()


def _this_year(what):
    return select(what).where(SchoolYear.ends_on >= clock.today()).order_by(SchoolYear.starts_on).limit(1)


def years_to_enrol():
    """School years for which families may ask a place, soonest first."""
    return db.session.scalars(select(SchoolYear).where(SchoolYear.enrolling).order_by(SchoolYear.starts_on)).all()


def enrolment_to_come(child_id):
    """The child's SchoolEnrolment in the soonest year that takes enrolments, or None."""
    query = select(SchoolEnrolment).join(SchoolEnrolment.school_year).where(SchoolEnrolment.child_id == child_id, SchoolYear.enrolling)
    return db.session.scalar(query.order_by(SchoolYear.starts_on).limit(1))


def all_schools():
    """Every school that the town knows, by name."""
    return db.session.scalars(select(School).order_by(School.name)).all()


def open_schools():
    """Schools that take children, by name."""
    return db.session.scalars(select(School).where(School.open).order_by(School.name)).all()
