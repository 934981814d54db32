"""Which day, which number, which child does an address of the screens on site mean?"""

from datetime import date

from sqlalchemy import select

from app.children.models import Child, SchoolEnrolment
from app.children.queries import year_of
from app.core import clock, search
from app.extensions import db

#: How many children a search shows.
MOST = 20


def day_from(args):
    """The day that an address names, today where it names none."""
    try:
        day = date.fromisoformat(args.get("day", ""))
    except ValueError:
        return clock.today()
    return day if 2000 <= day.year <= 2100 else clock.today()


def child_search(text, day):
    """[(child, its SchoolEnrolment or None)] of the children whose names hold all words; nothing for fewer than two letters."""
    words = search.words(text)
    if sum(map(len, words)) < 2:
        return []
    query = select(Child, SchoolEnrolment).outerjoin(
        SchoolEnrolment, (SchoolEnrolment.child_id == Child.id) & (SchoolEnrolment.school_year_id == year_of(day))
    )
    for word in words:
        query = query.where(search.contains(Child.first_name, word) | search.contains(Child.last_name, word))
    query = query.where(Child.archived_at.is_(None)).order_by(Child.last_name, Child.first_name, Child.id).limit(MOST)
    return db.session.execute(query).all()
