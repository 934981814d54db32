"""Where does a child live, and who pays when? As far as this household may know: of another one, no more than that there is one."""

from dataclasses import dataclass

from app.children.models import Weeks
from app.core import clock
from app.core.i18n import _
from app.security.scope import may, standing
from app.security.who_sees_what import Noun


@dataclass(frozen=True)
class Home:
    """What the card on the child's page says."""

    weeks: str
    shared: bool
    who_pays: str


def home_of(child):
    """A child's Home; None where it lives here alone, every week, or the person may not know."""
    running = [row for row in child.households if row.ended_on is None]
    own = next((row for row in running if row.family_id == standing().family_id), None)
    others = [row for row in running if row is not own]
    if own is None or not may(Noun.household, "read") or not (others or own.weeks is not Weeks.all):
        return None
    return Home(_weeks(own.weeks), bool(others), _who_pays(own, others))


def _weeks(weeks):
    """Few know the number of a week: the present one is an example."""
    if weeks not in (Weeks.even, Weeks.odd):
        return str(weeks.label)
    if weeks.include(clock.today()):
        return _("%(weeks)s: this week, for instance", weeks=weeks.label)
    return _("%(weeks)s: next week, for instance", weeks=weeks.label)


def _who_pays(own, others):
    """The rule of billing/payers.py in words."""
    if own.pays and not any(other.pays for other in others):
        return _("Your household pays every day.")
    if any(other.pays for other in others) and not own.pays:
        return _("The other household pays every day.")
    if own.pays and own.weeks in (Weeks.even, Weeks.odd):
        return _("Each household pays the days of its weeks.")
    return _("Each household pays the days that it books.")
