"""Which services do the tests of price tables have? Units without a database."""

from dataclasses import dataclass

from app.activities.models import UnitKind


@dataclass(frozen=True)
class Service:
    """A unit as a price table knows it."""

    id: int
    name: str
    kind: UnitKind
    with_meal: bool = False


def services(*given):
    """Services of (name, kind, with a meal)."""
    return [Service(number, *one) for number, one in enumerate(given, 1)]


MEAL = services(("Repas", UnitKind.meal, True))
CARE = services(("Matin", UnitKind.hour), ("Soir", UnitKind.hour))
LEISURE = services(
    ("Journée avec repas", UnitKind.day, True), ("Demi-journée", UnitKind.half_day), ("Demi-journée avec repas", UnitKind.half_day, True)
)
UNITS = LEISURE
