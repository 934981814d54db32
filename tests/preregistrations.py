"""How does a test get a pre-registration that was sent? Through the steps' own operations, as the form does."""

from app.changes import preregistration
from app.changes.models import Preregistration
from app.core import clock
from app.core.db import unit_of_work
from app.core.files import Upload
from app.extensions import db

GUARDIAN = {
    "civility": "mrs",
    "first_name": "Aïcha",
    "last_name": "Benali",
    "birth_date": "1990-05-06",
    "address": "12 rue du Lavoir",
    "postcode": "77181",
    "city": "Saint-Exemple",
    "mobile": "06 98 76 54 32",
    "email": "aicha@famille.example",
}
SPOUSE = {"first_name": "Karim", "last_name": "Benali", "mobile": "06 98 76 54 33"}
CHILDREN = [
    {"first_name": "Inès", "last_name": "Benali", "birth_date": "2019-02-14", "sex": "female"},
    {"first_name": "Yanis", "last_name": "Benali", "birth_date": "2021-09-30"},
]
WISHES = {"school_year": "2026-2027", "services": ["school", "Canteen"], "contact": "phone"}
#: A 1×1 PNG.
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c636060606000000005000155a0415d0000000049454e44ae426082"
)


def make_preregistration(*, guardian=None, spouse=SPOUSE, children=CHILDREN, papers=True, locale="en", sealed=True):
    """A confirmed pre-registration, sent; returns the id of its request. `guardian` are values that differ from GUARDIAN's."""
    with unit_of_work():
        row = preregistration.begin({**GUARDIAN, **(guardian or {})}, locale=locale)
        for step, values in (("spouse", spouse), ("children", children), ("wishes", WISHES)):
            preregistration.keep_step(row, step, values or {})
        if papers:
            preregistration.keep_paper(row, "address_proof", Upload("facture.png", "image/png", PICTURE), "Proof of address")
        row.confirmed_at = clock.now()
        number = preregistration.send(row).id
    if sealed:
        clock.advance(minutes=1)
    return number


def the_registration():
    """The only Preregistration."""
    return db.session.scalar(db.select(Preregistration))
