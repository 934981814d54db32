"""What can a town set about its calendar? Its school zone, and which public holidays it has."""

from app.core import settings
from app.core.enums import Labelled
from app.core.i18n import _l


class Zone(Labelled):
    """The zones of the official school calendar, by the names that it gives them."""

    a = "a", "Zone A"
    b = "b", "Zone B"
    c = "c", "Zone C"
    corse = "corse", "Corse"
    guadeloupe = "guadeloupe", "Guadeloupe"
    guyane = "guyane", "Guyane"
    martinique = "martinique", "Martinique"
    mayotte = "mayotte", "Mayotte"
    reunion = "reunion", "Réunion"
    caledonie = "caledonie", "Nouvelle Calédonie"
    polynesie = "polynesie", "Polynésie"
    miquelon = "miquelon", "Saint Pierre et Miquelon"
    wallis = "wallis", "Wallis et Futuna"


class Subdivision(Labelled):
    """Where public holidays differ (Code du travail, L3134-13 and L3422-2). Values: as the package `holidays` calls them."""

    metropolitan = "metropolitan", _l("metropolitan France")
    alsace_moselle = "6ae", "Alsace, Moselle"
    guadeloupe = "971", "Guadeloupe"
    martinique = "972", "Martinique"
    guyane = "973", "Guyane"
    reunion = "974", "La Réunion"
    mayotte = "976", "Mayotte"
    saint_barthelemy = "bl", "Saint-Barthélemy"
    saint_martin = "mf", "Saint-Martin"
    caledonie = "nc", "Nouvelle-Calédonie"
    polynesie = "pf", "Polynésie française"
    miquelon = "pm", "Saint-Pierre-et-Miquelon"
    wallis = "wf", "Wallis-et-Futuna"


settings.declare(
    "school_zone",
    str,
    Zone.c.value,
    _l("School zone"),
    hint=_l("Its holidays open and close the activities."),
    group=_l("Calendar"),
    choices=Zone,
)
settings.declare(
    "public_holidays",
    str,
    Subdivision.metropolitan.value,
    _l("Public holidays of"),
    hint=_l("Alsace, Moselle and overseas have some of their own."),
    group=_l("Calendar"),
    choices=Subdivision,
)


def zone():
    """The school zone of the town."""
    return Zone(settings.get("school_zone"))


def subdivision():
    """Which public holidays the town has."""
    return Subdivision(settings.get("public_holidays"))
