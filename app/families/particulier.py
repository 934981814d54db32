"""What does the State's API Particulier say of a household's quotient? One question over the network; no database.

GET /v3/dss/quotient_familial/identite finds the file of the person in whose name it is held at the CAF or MSA, by the civil
identity: name at birth, first names, sex, day and place of birth. https://particulier.api.gouv.fr
"""

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from flask import current_app

from app.core.errors import DomainError
from app.core.i18n import _
from app.families.models import Civility, Fund, FundAnswer

PATH = "/v3/dss/quotient_familial/identite"
#: Seconds that one question may take, and the bytes that an answer may have.
TIMEOUT, LARGEST = 10, 200_000
#: Code of France in the Code officiel géographique; countries begin with 99.
FRANCE, ABROAD = "99100", "99"
FUNDS = {"CNAF": Fund.caf, "MSA": Fund.msa}
#: Seconds of pause where too many questions were asked and the answer does not say how long.
PAUSE = 60


@dataclass(frozen=True)
class Person:
    """The civil identity of whoever holds the file at the fund."""

    birth_name: str
    first_names: tuple[str, ...]
    sex: str
    birth_date: date
    birth_code: str


@dataclass(frozen=True)
class Told:
    """The quotient of a month."""

    value: Decimal
    fund: Fund
    month: date


class NoAnswer(DomainError):
    """There is no quotient to be had; the sentence says why. `pause`: seconds until the next question; `ends`: asking others is no use."""

    status = 422

    def __init__(self, sentence, answer=FundAnswer.away, *, pause=0, ends=False):
        super().__init__(sentence)
        self.answer, self.pause, self.ends = answer, pause, ends


def configured():
    """Whether the town has a key."""
    return bool(current_app.config["PARTICULIER_TOKEN"] and current_app.config["PARTICULIER_SIRET"])


def person_of(family):
    """The Person who holds a family's file. Raises NoAnswer that names what is missing."""
    caf = family.caf
    if caf is None or not caf.consent:
        raise NoAnswer(_("This family has not agreed that the town asks the fund."), FundAnswer.incomplete)
    adult = next((row for row in family.adults if row.role is caf.holder), None)
    wanted = {
        _("in whose name the file is"): adult,
        _("Mr or Mrs"): adult and adult.civility,
        _("the date of birth"): adult and adult.birth_date,
        _("the place of birth"): caf.birth_code,
    }
    missing = [name for name, value in wanted.items() if not value]
    if missing:
        raise NoAnswer(_("To ask the fund, this is missing: %(names)s.", names=", ".join(missing)), FundAnswer.incomplete)
    sex = "M" if adult.civility is Civility.mr else "F"
    return Person(adult.birth_name or adult.last_name, tuple(adult.first_name.split()), sex, adult.birth_date, caf.birth_code)


def ask(person):
    """The quotient of this month, Told. Raises NoAnswer. Calls the network: never inside a unit of work."""
    if not configured():
        raise NoAnswer(_("The town has no key for API Particulier."), ends=True)
    status, headers, content = _get(_pairs(person))
    if status != 200:
        raise _refusal(status, headers)
    try:
        return _told(json.loads(content, parse_float=Decimal)["data"]["quotient_familial"])
    except (ValueError, KeyError, TypeError, ArithmeticError):
        raise NoAnswer(_("API Particulier gave an answer that we do not understand.")) from None


def _pairs(person):
    """The question, as pairs of an address."""
    abroad = person.birth_code.startswith(ABROAD)
    place = [("codeCogInseePaysNaissance", person.birth_code if abroad else FRANCE)]
    if not abroad:
        place.append(("codeCogInseeCommuneNaissance", person.birth_code))
    return [
        ("recipient", current_app.config["PARTICULIER_SIRET"]),
        ("nomNaissance", person.birth_name),
        *(("prenoms[]", name) for name in person.first_names),
        ("sexeEtatCivil", person.sex),
        ("anneeDateNaissance", person.birth_date.year),
        ("moisDateNaissance", person.birth_date.month),
        ("jourDateNaissance", person.birth_date.day),
        *place,
    ]


class _NoRedirect(HTTPRedirectHandler):
    """The key goes to the address that the town set, and to no other."""

    def redirect_request(self, *args):
        return None


def _get(pairs):
    """(status, headers, content) of the question."""
    base = current_app.config["PARTICULIER_URL"].rstrip("/")
    if urlsplit(base).scheme not in ("http", "https"):
        raise NoAnswer(_("The address of API Particulier is not set right."), ends=True)
    request = Request(f"{base}{PATH}?{urlencode(pairs)}")
    request.add_header("Authorization", f"Bearer {current_app.config['PARTICULIER_TOKEN']}")
    request.add_header("Accept", "application/json")
    try:
        with build_opener(_NoRedirect).open(request, timeout=TIMEOUT) as answer:
            return answer.status, answer.headers, answer.read(LARGEST)
    except HTTPError as problem:
        with problem:
            return problem.code, problem.headers, b""
    except (URLError, HTTPException, OSError):
        raise NoAnswer(_("API Particulier does not answer. Try again later.")) from None


def _refusal(status, headers):
    """The NoAnswer of a status that is not 200."""
    match status:
        case 404:
            return NoAnswer(
                _("The funds know no file with this identity. Compare the name at birth, all first names, the day and place of birth."),
                FundAnswer.unknown,
            )
        case 400 | 422:
            return NoAnswer(
                _("API Particulier finds this identity incomplete: look at the names and the place of birth."), FundAnswer.incomplete
            )
        case 401:
            return NoAnswer(_("API Particulier does not accept the town's key: it is wrong or has run out."), ends=True)
        case 403:
            return NoAnswer(_("The town's key gives no right to ask for quotients."), ends=True)
        case 409:
            return NoAnswer(_("API Particulier is still busy with this question. Try again in a minute."))
        case 429:
            return NoAnswer(_("Too many questions at once: API Particulier asks for a pause."), pause=_pause(headers))
        case 502 | 503 | 504:
            return NoAnswer(_("The fund does not answer at the moment. Try again later."))
    return NoAnswer(_("API Particulier could not answer (error %(status)s). Try again later.", status=status))


def _pause(headers):
    text = headers.get("Retry-After") or ""
    return min(max(int(text), 1), 3600) if text.isascii() and text.isdecimal() and len(text) < 6 else PAUSE


def _told(found):
    value = Decimal(str(found["valeur"]))
    if not 0 <= value <= 99_999:
        raise ValueError(value)
    return Told(value, FUNDS[found["fournisseur"]], date(int(found["annee"]), int(found["mois"]), 1))
