"""Which families want to come to Saint-Exemple? Three pre-registrations in the queue; the town knows one of them already."""

from datetime import date

from app.changes import preregistration
from app.children.queries import children_of
from app.core import clock
from app.core.codec import encode
from app.core.db import unit_of_work
from app.core.files import Upload
from app.demo import names, pictures

HOME = {"postcode": names.POSTCODE, "city": names.TOWN}
OKAFOR = {
    "guardian": {
        "civility": "mrs",
        "last_name": "Okafor",
        "first_name": "Ngozi",
        "birth_date": "1991-04-17",
        "address": "9 rue du Lavoir",
        "mobile": "06 39 98 20 11",
        "email": "ngozi.okafor@courriel.example",
        "profession": "infirmière",
        **HOME,
    },
    "spouse": {"civility": "mr", "last_name": "Okafor", "first_name": "Emeka", "mobile": "06 39 98 20 12", **HOME},
    "children": [
        {"first_name": "Chidi", "last_name": "Okafor", "birth_date": "2019-06-21", "birth_place": "Lyon", "sex": "male"},
        {"first_name": "Ada", "last_name": "Okafor", "birth_date": "2022-02-03", "birth_place": "Lyon", "sex": "female"},
    ],
    "wishes": {"services": ["school", "Restauration scolaire"], "contact": "email", "note": "Nous arrivons de Lyon à la fin du mois."},
}
FERREIRA = {
    "guardian": {
        "civility": "mr",
        "last_name": "Ferreira",
        "first_name": "João",
        "address": "22 avenue de la Gare",
        "mobile": "06 39 98 31 70",
        "email": "joao.ferreira@courriel.example",
        **HOME,
    },
    "children": [{"first_name": "Inês", "last_name": "Ferreira", "birth_date": "2020-10-12", "sex": "female"}],
    "wishes": {"services": ["school"], "contact": "phone", "reachable": "après 17 h"},
}


def preregister(story, world):
    """Let them write: yesterday evening with their papers, two days ago without any, this morning somebody whom the town knows."""
    papers = {"address_proof": "Justificatif de domicile", "record_book": "Livret de famille"}
    story.add(world.at(2, 10, 25), send, world, FERREIRA, {})
    story.add(world.at(1, 21, 5), send, world, OKAFOR, papers)
    story.add(world.at(0, 7, 40), send, world, known_already(world), {"address_proof": papers["address_proof"]})


def known_already(world):
    """Marc Galbert, who does not know that there is a file: the same home, Léa, and a child that the file has not."""
    family = world.homes[0].family
    marc, lea = family.spouse, children_of(family.id)[0]
    kept = ("civility", "last_name", "first_name", "birth_date", "address", "postcode", "city", "mobile")
    guardian = {name: encode(value) for name in kept if (value := getattr(marc, name)) is not None}
    older = {"first_name": lea.first_name, "last_name": lea.last_name, "birth_date": lea.birth_date.isoformat()}
    baby = {"first_name": "Zoé", "last_name": family.name, "birth_date": date(world.year_begins - 2, 3, 9).isoformat(), "sex": "female"}
    return {
        "guardian": {**guardian, "email": "marc.g@courriel.example"},
        "children": [older, baby],
        "wishes": {"services": ["school"], "contact": "either"},
    }


def send(world, told, papers):
    """Go through the steps, open the link in the mail, send."""
    with unit_of_work():
        row = preregistration.begin(told["guardian"], locale="fr")
        for step in ("spouse", "children"):
            preregistration.keep_step(row, step, told.get(step) or {})
        preregistration.keep_step(row, "wishes", {"school_year": world.years["next"].name, **told["wishes"]})
        for name, title in papers.items():
            lines = [str(told["guardian"]["last_name"]), told["guardian"].get("address", ""), names.TOWN]
            preregistration.keep_paper(row, name, Upload("photo.jpg", "image/jpeg", pictures.paper(title, lines)), title)
        row.confirmed_at = clock.now()
        preregistration.send(row)
