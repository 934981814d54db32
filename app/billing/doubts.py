"""Which titles would be read wrongly in silence? What Préau does not price by, each with the sentence that says how to enter it."""

import re

from app.billing.reading import plain
from app.core.i18n import _

_QUOTIENT = r"\bq\.?f\b\.?|quotient"
_INCOME = r"\brevenus?\b|\bressources\b|\br\.?f\.?r\b|\bimpos(?:able|ition)|\bsalaires?\b|\bincome"
_YEARLY = rf"(?:{_QUOTIENT})(?: familial)?(?: \(?annuel| par an\b| ?/ ?an\b)"
_DEPENDANTS = r"enfants? (?:\w+ )?a charge|\ba charge\b|\bparts? fiscales?|nombre de parts|dependa?nt"
_PACKAGE = (
    r"mensuel|\bmois\b|hebdo|\bsemaines?\b|annuel|\ban(?:nee)?s?\b(?! ?(?:et|a|-))|trimestr|semestr|abonnement|\bcarnets?\b|\bcarte\b"
    r"|\bsejours?\b|\b(?:[2-9]|\d\d+) ?(?:jours?|repas|seances|matins|soirs)\b|^forfait$|\bpar famille\b|month|week|\byear"
)
_MEMBERSHIP = r"\badhesions?\b|\bcotisations?\b|\b(?:frais|droits?) (?:d'|de )(?:inscription|dossier|adhesion)|membership"
_RULE = r"^(?:majoration|supplement|surcout|penalite|amende|reduction|remise|rabais|abattement|minoration|degressivite)"
_FETCHED = (
    r"\b(?:departs?|recuperations?|reprise|sortie|depassement)\b|retards? (?:de|des|du|d') ?(?:parents?|soir|depart)"
    r"|penalites? (?:de|pour) retard"
    r"|apres (?:la )?fermeture|^retards?$"
)
_KINDS = {
    "quarter_hour": r"quart d'heure|1/4 ?(?:d')?h|\b15 ?mi?n",
    "half_hour": r"demi[- ]?heure|1/2 ?h|\b30 ?mi?n|half[- ]?hour",
    "half_day": r"demi[- ]?journee|1/2 ?journee|half[- ]?day",
    "hour": r"\b(?:l'|par |/ ?)heure\b|\b(?:tarif|prix|cout) horaire|^heure\b|\b1 ?h\b|60 ?mi?n|^hour",
}
#: Numbers that name or count something that is read.
_NUMBERS = (
    r"\b(?:tranche|niveau|categorie|palier|groupe|tarif|taux|bareme|zone|cat|tr|t|q|qf)\.? ?(?:n ?[°o]?\.? ?)?\d{1,2}\b|\b[a-z]\d{1,2}\b"
    r"|\b\d ?(?:(?:ere|re|er|i?eme?|em|e|nde|nd|st|rd|th)\b|°)|\b\d{1,2} ?(?:a|-|ou|et)? ?\d? ?enfants?"
    r"|\b\d{1,2} ?(?:mi?n|h|heures?|minutes?)\b"
)

_BRACKET_NAME = r"(?:(?:tranche|niveau|categorie|palier|groupe|qf|quotient)s? ?(?:n ?°)? ?)?(?:[a-z]? ?\d{1,2}|[a-z]|[ivx]+)"
_SERVICES = r"\b(?:gouter|petits?[- ]dejeuner|transport|navette|sortie|nuitee|veillee|assurance|badge|pique[- ]nique)s?\b"
#: Names such as 2C2R, CC4V.
_INITIALS = r"\b(?:\d+[a-z]+\d+[a-z]*|[a-z]+\d+[a-z]+)\b"


def membership(title):
    """Whether a title names what is paid once a school year."""
    return re.search(_MEMBERSHIP, plain(title)) is not None


def paid_once(title):
    """Whether what a title names is not paid for each booking."""
    return re.search(_PACKAGE, plain(title)) is not None


def of_prices(title):
    """Why a table whose rows go by this is none of Préau's; "" for nothing."""
    said = plain(title)
    if re.search(_INCOME, said) and not re.search(_QUOTIENT, said):
        return _("“%(title)s” is an income: prices go by the family quotient. Write the brackets as quotients.", title=title)
    if re.search(_YEARLY, said):
        return _("“%(title)s” is for a year: quotients are those of a month. Divide the limits by twelve.", title=title)
    if re.search(_DEPENDANTS, said):
        return _("“%(title)s”: only the children who are enrolled are counted, not dependants.", title=title)
    return ""


def of(title, rest, head, units):
    """The doubt about a title that was read as `head`; `rest` is what it says beside its bracket."""
    said, names = plain(title), [plain(unit.name) for unit in units]
    if said in names:
        return ""
    words = re.sub(rf"(?:{_QUOTIENT})(?: familial)? mensuel|\d+ ans?\b|annee scolaire", " ", rest)
    if rest != said:
        # “De 0 à 400 €/mois”: so much a month is the quotient.
        words = re.sub(r"^[^a-z]*(?:/|par) ?mois\W*$", " ", words)
    sentence = (
        of_prices(title)
        or _once(title, said, words, names)
        or _changes(title, rest.strip(), head)
        or _of_kind(title, said, units, names)
        or (_no_service(title) if re.match(_SERVICES, said) and not head.units else "")
        or _of_numbers(title, rest, head, names)
    )
    return _or_by_hand(sentence)


def of_no_proof(title, limits):
    """The doubt about a title that is for those without a proof, and for a bracket beside."""
    if limits is None:
        return ""
    return _("“%(title)s” is for two: write a bracket, and a row of its own for those who give no proof.", title=title)


def of_name(title, units):
    """The doubt about a row that is taken for a name to be granted: “Non adhérents” are many, “T1” is a bracket."""
    said = plain(title)
    if re.fullmatch(_BRACKET_NAME, said):
        return _("“%(title)s” names a bracket without its limits: write them too, as in “A : 0 à 400”.", title=title)
    if re.search(_SERVICES, said) or sum(plain(unit.name) in said for unit in units) > 1:
        return _or_by_hand(
            _("“%(title)s” is none of the services of this activity: offer it as one of its own, with its price.", title=title)
        )
    if not re.search(r"\b(?:hors|non|sauf|autres?|exterieure?s?)\b", said):
        return ""
    return _or_by_hand(_("“%(title)s”: it does not say who pays it. Write “Hors commune” if it is those who live elsewhere.", title=title))


def _no_service(title):
    return _("“%(title)s” is none of the services of this activity: offer it as one of its own, with its price.", title=title)


def _or_by_hand(sentence):
    return " ".join((sentence, _("Or set by hand, below the title, whom it is for."))) if sentence else ""


def _once(title, said, words, names):
    """What is not paid for each booking. A membership is read as one."""
    if membership(title):
        return ""
    package = re.search(_PACKAGE, words)
    if package and not any(package[0] in name for name in names):
        return _(
            "“%(title)s” would be charged for each booking, not once. Write the price of one booking, or offer the package as a service of"
            " its own that is booked once.",
            title=title,
        )
    return ""


def _changes(title, said, head):
    """What changes a price instead of being one, or has nothing to do with a booking."""
    if (
        re.search(_FETCHED, said)
        and (head.charges or head == type(head)(title))
        and re.search(r"retard|tardi|depasse|fermeture|late", said)
    ):
        return _("“%(title)s”: a child who is fetched late has no price in a table. Charge it by hand.", title=title)
    if re.search(_RULE, said) and not head.charges >= {"late", "missing"}:
        return _("“%(title)s” changes a price: write it as a rule below the table.", title=title)
    if re.search(r"\bmajor", said) and head == type(head)(title):
        return _("“%(title)s”: it does not say who pays more.", title=title)
    return ""


def _of_kind(title, said, units, names):
    """A price by the half-hour where nothing is booked by it."""
    for kind, words in _KINDS.items():
        if re.search(words, said):
            offered = not units or any(unit.kind.value == kind for unit in units) or any(re.search(words, name) for name in names)
            return "" if offered else _("“%(title)s”: nothing of this activity is booked by this length of time.", title=title)
    return ""


def _of_numbers(title, rest, head, names):
    """A number that nothing reads: a bracket that is written in a way nobody foresaw."""
    for name in names:
        rest = rest.replace(name, " ")
    number = re.search(r"\d[\d.,/]*", re.sub(_NUMBERS, " ", re.sub(_INITIALS, " ", rest)))
    if number and not head.category:
        return _("“%(title)s”: the number %(number)s was not understood. Write it otherwise.", title=title, number=number[0])
    return ""
