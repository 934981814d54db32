"""Which vaccines does the law ask of a child? By valency and birth date."""

from datetime import date

from app.core.enums import Labelled
from app.core.i18n import _l


class Valency(Labelled):
    """What a vaccine protects against."""

    diphtheria = "diphtheria", _l("Diphtheria")
    tetanus = "tetanus", _l("Tetanus")
    polio = "polio", _l("Polio")
    pertussis = "pertussis", _l("Whooping cough")
    hib = "hib", _l("Haemophilus influenzae b")
    hepatitis_b = "hepatitis_b", _l("Hepatitis B")
    pneumococcus = "pneumococcus", _l("Pneumococcus")
    meningococcus_c = "meningococcus_c", _l("Meningococcus C")
    measles = "measles", _l("Measles, mumps, rubella")
    meningococcus_acwy = "meningococcus_acwy", _l("Meningococcus ACWY")
    meningococcus_b = "meningococcus_b", _l("Meningococcus B")


_BASE = (Valency.diphtheria, Valency.tetanus, Valency.polio)
_SINCE_2018 = (*_BASE, Valency.pertussis, Valency.hib, Valency.hepatitis_b, Valency.pneumococcus, Valency.meningococcus_c, Valency.measles)
_SINCE_2025 = (*(v for v in _SINCE_2018 if v is not Valency.meningococcus_c), Valency.meningococcus_acwy, Valency.meningococcus_b)


def required_vaccines(born):
    """The valencies that the law asks of a child born on this day (art. L3111-2 CSP; decrees of 2018 and of 2025)."""
    if born >= date(2025, 1, 1):
        return _SINCE_2025
    return _SINCE_2018 if born >= date(2018, 1, 1) else _BASE


def missing_vaccines(born, vaccines):
    """The required valencies without a date. Missing ones: provisional admission for three months (art. R3111-17 CSP)."""
    return tuple(valency for valency in required_vaccines(born) if not (vaccines or {}).get(valency.value))
