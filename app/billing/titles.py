"""Whom and what is a row or a column of a price table for, by its title alone? As French towns write them; a clerk may correct it."""

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise

from app.billing import brackets, doubts
from app.billing.brackets import Limits
from app.billing.grid import MEMBERSHIP, ONE_CENT, ONE_EURO, Bounds, Column, Residence, Row, Stage
from app.billing.reading import plain

#: RateGrant.category holds so many letters.
LONGEST_NAME = 40

_NO_PROOF = (
    r"sans (?:(?!condition|distinction|critere|tenir)\w+ (?:d[eu]s? |d'|de l'|de la )?)?"
    r"(?:justificatif|quotient|qf\b|revenus?|attestation|avis d|piece|document)|no proof|without (?:a )?(?:proof|quotient)"
    r"|(?:non|pas|jamais) (?:fournie?s?|communiquee?s?|renseignee?s?|transmise?s?|connue?s?|presentee?s?|remise?s?|declaree?s?)"
    r"|(?:absence|defaut) (?:de |d')(?:justificatif|quotient|qf|attestation|piece)|(?:qf|quotient) inconnu|revenus non justifies"
)
_OWN_LUNCH = r"\bp\.?a\.?i\b|panier[- ]repas|own lunch|repas (?:fourni par|non fourni|apporte)|protocole|sans fourniture (?:de|du) repas"
_UNANNOUNCED = r"(?:absence|absent|repas)s? (?:injustifie|non[- ](?:justifie|excuse|prevenu|signale|annule|decommande|declare))|unannounced"
_MISSING = r"(?:sans|non|hors) (?:reservation|reserve|pre-?inscri|inscri|prevu|commande)|imprevu|non[- ]reserve|unbooked"
_LATE = r"hors[- ]delais?|tardi(?:f|ve)|en retard|reservation late|booked late|\blate\b"
#: "Tarif majoré" and no more: for whoever does not keep to the rules.
_RAISED = re.compile(r"(?:(?:tarif|prix|repas|majoree?s?|majoration|le|la|du|de|un|non|cas)\b[ :()]*)*")
_NAMED = (
    r"ccas|cias|personnel|\bagents?\b|enseignant|instituteur|professeur|\badultes?\b|accueil familial|familles? d'accueil"
    r"|assistante? (?:fam|mat)|aide sociale|\base\b|boursier|stagiaire|\belus?\b"
    r"|convention|partenaire|urgence|retraite|communaute|intercommun|occasionnel|invite"
)
#: Those of a place, as it names them: Nantais, Boisséens, Parisiens, Roncquois.
_OF_A_PLACE = r"\w{3,}(?:ois|ais|een|ien|ain|ard)(?:ne)?e?s?\b"
_EXTERIOR = (
    r"\bhors[- ](?:commune|ville|territoire|communaux?|agglo|resident|secteur|regroupement|rpi|canton|departement|com ?com|metropole|cc\b)"
    rf"|exterieur|\bext\b|\bh\.?c\b|non[- ]?(?:resident|residant|habitant|domicilie|communa)|\bnon[- ]{_OF_A_PLACE}"
    r"|ne residant pas|outside|exterior|autres? communes?"
)
#: “Hors CCVE”: outside a place that has a name; what else stands behind “hors” is none.
_OUTSIDE = re.compile(r"\b[Hh]ors[- ](?:d[eu] |l[ae] )?(?=[A-Z0-9])(\w+)")
_NO_PLACE = r"delai|reserv|inscri|forfait|repas|gouter|vacance|periode|mercredi|contrat|abonne|caf|msa|qf|quotient|sortie|cout|temps|ete"
_RESIDENT = r"\bresidente?s?\b|\bresidants?\b|habitante?s?\b|\bcommune\b|\bcommunaux?\b|domicilie|\binside\b|\bvillage\b"
_EVERYBODY = (
    r"^(?:pour )?(?:tous|toutes?|tout public|tarif|prix|montant|unique|forfait|plein|normal|general|regulier|base|participation|cout"
    r"|all|everybody|price)"
)
_OTHER_FUNDS = r"autres? (?:regimes?|caisses?)"
_NO_FUND = (
    r"non[- ]allocataires?|\b(?:reduc\w*|aides?|bons?|deduct\w*|participation|attestation|bareme) (?:de la )?(?:caf|msa)\b"
    rf"|{brackets.QUOTIENT}(?: ?(?:de la|ou|et|/)? ?\b(?:caf|msa)\b)+"
)
_FUNDS = frozenset({"caf", "msa", "none"})
_WORDS = {"premier": 1, "first": 1, "deuxieme": 2, "second": 2, "troisieme": 3, "third": 3}
_WORDS |= {"quatrieme": 4, "fourth": 4, "cinquieme": 5, "fifth": 5, "sixieme": 6}
_ORDINAL = (
    rf"\b(?:(\d)\s?(?:(?:ere|re|er|i?eme?|em|e|nde|nd|st|rd|th)\b|°)|({'|'.join(_WORDS)})\b)"
    r"(?!\s*(?:tranche|categorie|demi|heure|service|quart|sem))"
)
_AND_MORE = r"et plus|et \+|\+|et suivant|et au[- ]dela|ou plus|and more|or more|a (?:partir|compter)|\bdes le|suivants|et les autres"


@dataclass
class Meaning:
    """A title that was read: the row or column, its bracket as it is written, and whether it is for those who gave no proof."""

    head: Row | Column
    limits: Limits | None = None
    no_proof: bool = False
    #: Set by hand: the bracket is what it is.
    fixed: bool = False
    #: Why this title must be written otherwise or set by hand: a sentence, "" for nothing.
    doubt: str = ""


def heads(titles, units, kind=Row, town=""):
    """[Meaning] of the titles of one side of the table, the brackets not settled yet."""
    found = [read(title, units, kind, town) for title in titles]
    if kind is Row:
        alone = len(found) == 1
        found = [_named(meaning, units) if not alone and _says_nothing(meaning) else meaning for meaning in found]
    _open_last(found, "ranks")
    _open_last(found, "children")
    _part_ages(found)
    _part_funds(found)
    _part_places(found)
    return found


def read(title, units, kind=Row, town=""):
    """The Meaning of one title, for itself."""
    said, (limits, rest) = brackets.undated(plain(title)), brackets.parted(title)
    own_lunch = bool(re.search(_OWN_LUNCH, said))
    if re.search(_NO_PROOF, said) and not own_lunch:
        return Meaning(kind(title, category=_name(title)), None, True, doubt=doubts.of_no_proof(title, limits))
    given = {"own_lunch": own_lunch, "charges": _charges(said), "ages": _ages(said), "stage": _stage(said)}
    given["ranks"], given["children"] = _ranks(said), _children(said)
    if re.search(_NAMED, said) and not limits:
        given["category"] = _name(title)
    else:
        given["residence"] = _residence(title, said, town)
    given["funds"] = _funds(said if limits is None else rest)
    # A membership is not paid for a service.
    given["units"] = frozenset() if MEMBERSHIP in given["charges"] else _served(plain(title) if limits is None else rest, units, own_lunch)
    head = kind(title, **given)
    if head == kind(title) and limits is None and re.search(r"\bmajor", said) and _RAISED.fullmatch(said):
        head = replace(head, charges=frozenset({"missing", "late"}))
    return Meaning(head, limits, doubt=doubts.of(title, rest, head, units))


def _residence(title, said, town):
    """Where those live whom a title is for; the town and its people are known by its name."""
    place = re.sub(r"^sainte?[- ]", "", plain(town))
    people = rf"\b{re.escape(place[:4])}\w*(?:ois|ais|een|ien|ain|ard)(?:ne)?e?s?\b" if len(place) > 3 else r"(?!)"
    outside = _OUTSIDE.search(title)
    if re.search(_EXTERIOR, said) or (town and re.search(rf"\b(?:hors[- ]|non[- ]?){re.escape(plain(town))}", said)):
        return Residence.exterior
    if outside and not title.isupper() and not re.match(_NO_PLACE, plain(outside[1])):
        return Residence.exterior
    if re.search(_RESIDENT, said) or re.search(people, said) or (town and re.search(rf"\b{re.escape(plain(town))}\b", said)):
        return Residence.resident
    return None


def _says_nothing(meaning):
    said = plain(meaning.head.title)
    if meaning.limits is not None or any(meaning.head.weight) or re.match(_EVERYBODY, said):
        return False
    return bool(said) and re.search(rf"\benfants?\b|\beleves?\b|scolaire|{'|'.join(_KINDS.values())}", said) is None


def _named(meaning, units):
    title = meaning.head.title
    return replace(meaning, head=replace(meaning.head, category=_name(title)), doubt=meaning.doubt or doubts.of_name(title, units))


def _name(title):
    return " ".join(title.split())[:LONGEST_NAME].strip()


def _charges(said):
    if doubts.membership(said):
        return frozenset({MEMBERSHIP})
    if re.search(_UNANNOUNCED, said):
        return frozenset({"unannounced", "told_late"})
    found = {name for name, words in (("missing", _MISSING), ("late", _LATE)) if re.search(words, said)}
    return frozenset(found)


def _stage(said):
    words = ((Stage.nursery, "maternelle|nursery"), (Stage.primary, "elementaire|primaire|primary"))
    stages = [stage for stage, pattern in words if re.search(pattern, said)]
    return stages[0] if len(stages) == 1 else None


def _ages(said):
    if match := re.search(r"(\d{1,2})\s*(?:ans)?\s*(?:a|-|–|/|et|to)\s*(\d{1,2})\s*ans", said):
        return int(match[1]), int(match[2])
    if match := re.search(r"(?:moins de|-\s*(?:de)?|<)\s*(\d{1,2})\s*ans", said):
        return 0, int(match[1]) - 1
    if match := re.search(r"(?:plus de|\+\s*(?:de)?|>=?|des|a partir de)\s*(\d{1,2})\s*ans|(\d{1,2})\s*ans\s*(?:et (?:plus|\+)|\+)", said):
        return int(match[1] or match[2]), None
    return None


def _ranks(said):
    numbers = [int(match[1]) if match[1] else _WORDS[match[2]] for match in re.finditer(_ORDINAL, said)]
    numbers = [number for number in numbers if number]
    if not numbers or re.search(r"seconde", said):
        return None
    return min(numbers), None if re.search(_AND_MORE, said) else max(numbers)


def _children(said):
    if match := re.search(r"\b(moins|plus) de (\d) enfants?\b", said):
        return (1, int(match[2]) - 1) if match[1] == "moins" else (int(match[2]) + 1, None)
    said = re.sub(r"\bseuls?\b ?", "", said)
    match = re.search(r"(?:^|\D)(\d)\s*(?:a|-|ou|et)?\s*(\d)?\s*enfants?\b|\b(un|deux|trois|quatre) enfants?\b", said)
    if match is None or re.search(_ORDINAL, said):
        return None
    least = int(match[1]) if match[1] else ("un", "deux", "trois", "quatre").index(match[3]) + 1
    return least, None if re.search(_AND_MORE, said) else int(match[2] or least)


def _funds(said):
    """Names of funds; those of everybody are nobody's."""
    if re.search(rf"\b(?:hors|autres?|non)[- ]?(?:que |allocataires? )?(?:de la )?caf\b(?! ?(?:/|ou|et|ni))|{_OTHER_FUNDS}", said):
        return frozenset({"msa", "none"})
    pairs = (("caf", r"\bcaf\b|regime general"), ("msa", r"\bmsa\b|regime agricole"), ("none", r"non[- ]allocataire|sans caf"))
    named = re.sub(_NO_FUND, " ", said)
    found = frozenset(name for name, words in pairs if re.search(words, said if name == "none" else named))
    return found if found != _FUNDS else frozenset()


_KINDS = {
    "quarter_hour": r"quart d'heure|1/4 ?(?:d')?h|\b15 ?mn|\b15 ?min|quarter[- ]?(?:of an )?hour",
    "half_hour": r"demi[- ]?heure|1/2 ?h|30 ?mn|30 ?min|half[- ]?hour",
    "hour": r"\bheure|\bhour|horaire|60 ?mn|1 ?h\b",
    "half_day": r"demi[- ]?journee|1/2 ?journee|half[- ]?day",
    "day": r"journee|\bday\b|\bjour\b",
    "meal": r"repas|cantine|dejeuner|restauration|\bmeal",
}
#: The same parts of a day in both languages; words that tell no service from another.
_SAME = {"morning": "matin", "evening": "soir", "afternoon": "apresmidi", "noon": "midi"}
_SAME |= {"day": "journee", "meal": "repas", "hour": "heure"}
_NO_SERVICE = {"avec", "sans", "et", "ou", "par", "pour", "tarif", "prix", "enfant", "with", "without", "and", "half", "demi"}


def _served(said, units, own_lunch):
    """Ids of the units that a title names; one's own lunch takes the place of a meal, and of nothing else."""
    meals = [unit for unit in units if unit.with_meal or unit.kind.value == "meal"]
    if not own_lunch or not meals or len(meals) == len(units):
        return _units(said, units)
    return _units(said, meals) or frozenset(unit.id for unit in meals)


def _units(said, units):
    """Ids of the units that a title names: by name, by kind, or by a word that only one of them has. None where there is one unit."""
    if len(units) < 2:
        return frozenset()
    words = _words(said)
    if same := [unit.id for unit in units if _words(plain(unit.name)) == words]:
        return frozenset(same)
    pool = next((found for kind, pattern in _KINDS.items() if re.search(pattern, said) and (found := _of_kind(kind, said, units))), [])
    shared = {unit.id: len((set(words) - _NO_SERVICE) & set(_words(plain(unit.name)))) for unit in pool or units}
    best = [unit_id for unit_id, number in shared.items() if number and number == max(shared.values())]
    if len(best) == 1:
        return frozenset(best)
    return frozenset(unit.id for unit in pool) if len(pool) < len(units) else frozenset()


def _of_kind(kind, said, units):
    """The units of a kind; where some are with a meal and some without, those that the title means."""
    same = [unit for unit in units if unit.kind.value == kind]
    if kind != "meal" and len({unit.with_meal for unit in same}) > 1:
        meal = bool(re.search(r"(?:avec|with|\+|et) ?(?:le |un )?(?:repas|dejeuner|cantine|meal)|repas (?:compris|inclus)", said))
        same = [unit for unit in same if unit.with_meal == meal]
    return same


def _words(said):
    """The words of a title that may name a service, in order."""
    text = re.sub(r"apres[- ]midi", "apresmidi", said.replace("1/2", "demi"))
    words = re.sub(r"\b(?:(?:la|le|les|une?|de|du|des|the|a|of)\s+|[ld]')(?=\w)", "", re.sub(r"[^\w' ]", " ", text)).split()
    return [_SAME.get(word, word) for word in words]


def _open_last(found, name):
    """The last of "first, second, third child" is meant for those who follow too."""
    ranges = [getattr(meaning.head, name) for meaning in found if getattr(meaning.head, name)]
    last = max((limits[1] or limits[0] for limits in ranges), default=0)
    for meaning in found:
        limits = getattr(meaning.head, name)
        if limits and last > 1 and limits[1] == last:
            meaning.head = replace(meaning.head, **{name: (limits[0], None)})


def _part_ages(found):
    """3–6 years beside 6–11 years: who is 6 belongs to the second."""
    first = {meaning.head.ages[0] for meaning in found if meaning.head.ages}
    for meaning in found:
        ages = meaning.head.ages
        if ages and ages[1] in first and ages[1] > ages[0]:
            meaning.head = replace(meaning.head, ages=(ages[0], ages[1] - 1))


def _part_funds(found):
    """“Autres régimes” beside “MSA”: those of all funds that no other title names."""
    others = [meaning for meaning in found if meaning.head.funds and re.search(_OTHER_FUNDS, plain(meaning.head.title))]
    named = frozenset().union(*(meaning.head.funds for meaning in found if meaning not in others))
    for meaning in others:
        if named and named < _FUNDS:
            meaning.head = replace(meaning.head, funds=_FUNDS - named)


def _part_places(found):
    """“Nantais” beside “Non Nantais”: those who live there, where no other title is for them."""
    if any(meaning.head.residence is Residence.resident for meaning in found):
        return
    outside = [plain(meaning.head.title) for meaning in found if meaning.head.residence is Residence.exterior]
    places = {match[1] for said in outside for match in re.finditer(r"\b(?:non|hors)[- ](?:d[eu] |l[ae] )?(\w{3,})", said)}
    for meaning in found:
        if meaning.head.residence is None and places & set(re.findall(r"\w+", plain(meaning.head.title))):
            meaning.head = replace(meaning.head, residence=Residence.resident, category="")


# -- brackets ---------------------------------------------------------------------------------------------------------------------------


def settle(sides, bounds=None):
    """(Bounds, [[Head]]) of the Meanings of both sides: where each bracket begins and ends, by how the town wrote them."""
    chains = [chain for side in sides for chain in _chains(side)]
    for chain in chains:
        _forgive(chain)
    bounds = bounds or _bounds(chains)
    for chain in chains:
        _limit(chain, bounds)
    return bounds, [[meaning.head for meaning in side] for side in sides]


def _chains(side):
    """[[Meaning]] of the brackets that continue one another, the lowest first."""
    groups = {}
    for meaning in side:
        if meaning.limits is not None:
            groups.setdefault(meaning.head.group, []).append(meaning)
    for chain in groups.values():
        chain.sort(key=lambda one: one.limits.low if one.limits.low is not None else one.limits.high - Decimal("0.005"))
    return list(groups.values())


def _forgive(chain):
    """“Moins de 350” before “de 351 à 450”, or “≤ 500” before “500 à 1000”: the quotient between them belongs to one of them."""
    for one, other in pairwise(chain):
        high, low = one.limits.high, other.limits.low
        if high is None or low is None:
            continue
        if low - high in (ONE_CENT, ONE_EURO):
            one.limits, other.limits = replace(one.limits, below=False), replace(other.limits, above=False)
        elif low == high and one.limits.below:
            other.limits = replace(other.limits, above=False)
        elif low == high and one.limits.with_high and not other.limits.with_low:
            other.limits = replace(other.limits, above=True)


def _bounds(chains):
    """What the upper limit of a bracket means, by where the next one begins."""
    said = set()
    for one, other in (pair for chain in chains for pair in pairwise(chain)):
        high, low = one.limits.high, other.limits.low
        if high is None or low is None:
            said.add(Bounds.below if (high is None and not other.limits.above) or one.limits.below else Bounds.to_cent)
        elif low - high == ONE_CENT:
            said.add(Bounds.to_cent)
        elif low - high == ONE_EURO and high == high.to_integral_value() and not one.limits.below:
            said.add(Bounds.to_euro)
        elif low == high and not other.limits.above and not one.limits.with_high:
            said.add(Bounds.below)
    return next((bounds for bounds in (Bounds.to_euro, Bounds.below) if bounds in said and Bounds.to_cent not in said), Bounds.to_cent)


def _limit(chain, bounds):
    """Where each bracket of a chain begins and ends; what a title says of its own limits counts beside the `bounds` of the table."""
    step = {Bounds.to_cent: ONE_CENT, Bounds.to_euro: ONE_EURO, Bounds.below: Decimal(0)}[bounds]
    lows = [one.limits.low + ONE_CENT if one.limits.low and one.limits.above else one.limits.low for one in chain]
    lows[0] = lows[0] or Decimal(0)
    for place, one in enumerate(chain):
        high, after = one.limits.high, chain[place + 1] if place + 1 < len(chain) else None
        low = lows[place + 1] if after is not None else None
        if high is not None and one.limits.below:
            high -= step
        elif high is not None and bounds is Bounds.below and after is not None and (one.limits.with_high or after.limits.above):
            high += ONE_CENT
        elif high is None and low is not None:
            high = low - (min(step, ONE_CENT) if after.limits.above else step)
        if after is not None and low is None:
            lows[place + 1] = high + step
        if not one.fixed:
            one.head = replace(one.head, lowest=lows[place], highest=high)
