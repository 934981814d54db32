"""Which household pays for a child's day? The one that asked, unless its link says that another one does; by weeks where both pay."""

from datetime import date
from typing import NamedTuple

from app.children.models import Weeks


class Link(NamedTuple):
    """A child lives in a household, from a day to a day."""

    family_id: int
    weeks: Weeks
    pays: bool
    started_on: date
    ended_on: date | None

    def covers(self, day):
        return self.started_on <= day and (self.ended_on is None or day <= self.ended_on)

    def has_week(self, day):
        return self.weeks.include(day)


def payer(links, day, asked=None):
    """The family that pays for a child's day, of its Links in the order in which they began. `asked`: the household that booked.

    None only where nobody asked and the child lives nowhere that day.
    """
    if len(links) == 1 and links[0].family_id == asked:
        return asked
    paying = [link for link in links if link.pays and link.covers(day)]
    of_week = [link.family_id for link in paying if link.has_week(day)]
    if asked in of_week:
        return asked
    if of_week:
        return of_week[0]
    # Nobody's week: who pays at all comes before who does not.
    families = [link.family_id for link in paying]
    if asked is not None and (asked in families or not families):
        return asked
    return next(iter(families or [link.family_id for link in links if link.covers(day)]), None)
