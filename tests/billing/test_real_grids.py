"""Can a clerk enter the price tables that real communes published, on the screen and as a file, and do their cases come out?"""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select

from app.activities.models import Activity, ActivityKind, Season, Unit, UnitKind
from app.billing.exchange import from_csv, to_csv
from app.billing.grid import Residence
from app.billing.grids import Grids
from app.billing.pricing import Situation, price
from app.billing.table import read
from app.core.db import unit_of_work
from app.extensions import db
from tests.billing.price_table import Screen, kept, upload

pytestmark = pytest.mark.once

TOWNS = {town["commune"]: town for town in json.loads((Path(__file__).parent / "tariff_grids.json").read_text())["grids"]}
UNITS = {
    "Fay-aux-Loges": [("Repas", UnitKind.meal, True)],
    "Wavrin": [("Journée", UnitKind.day, True)],
    "Saffré": [
        ("Journée avec repas", UnitKind.day, True),
        ("Demi-journée", UnitKind.half_day, False),
        ("Demi-journée avec repas", UnitKind.half_day, True),
    ],
    "Chemaudin": [("Repas", UnitKind.meal, True), ("Heure", UnitKind.hour, False)],
}
ENGLISH = {
    "day with meal": "Journée avec repas",
    "half day": "Demi-journée",
    "half day with meal": "Demi-journée avec repas",
    "meal": "Repas",
    "hour": "Heure",
}
#: How a published table writes its columns and brackets.
COLUMNS = {
    "Fay-aux-Loges": ["Prix du repas"],
    "Wavrin": ["1er enfant", "2ème enfant", "3ème enfant", "4ème enfant et plus", "Extérieurs"],
    "Saffré": ["Journée avec repas", "1/2 journée", "1/2 journée avec repas"],
    "Chemaudin": ["Repas", "Heure"],
}
RULES = {
    "Fay-aux-Loges": [("own_lunch", "set", "1,75", {})],
    "Saffré": [("residence", "more", "2,00", {}), ("children", "shift", "1", {"least": "3"})],
}
BEFORE = {"≤ 700": ["4,00", "1,30"], "> 700": ["5,00", "1,50"]}


def french(text):
    return text.replace(".", ",") if text is not None else ""


def rows_of(town):
    """{title as the town writes it: texts of the cells}."""
    if town["kind"] == "rate_of_effort":
        return {"Tous": [french(f"{town['rate_percent']} % ({town['floor']} – {town['ceiling']})")]}
    return {_title(bracket, town): list(map(french, bracket["prices"])) for bracket in town["brackets"]}


def _title(bracket, town):
    if "name" in bracket:
        return bracket["name"]
    if "from" in bracket:
        return french(f"de {bracket['from']} à {bracket['to']}") if bracket["to"] else french(f"{bracket['from']} et plus")
    if "below" in bracket:
        return f"QF < {bracket['below']}" if bracket["below"] else f"{town['brackets'][-2]['below']} et plus"
    return f"≤ {bracket['to']}" if bracket["to"] else f"> {town['brackets'][-2]['to']}"


def as_csv(columns, rows):
    return "\n".join(";".join(line) for line in [["QF", *columns], *([title, *cells] for title, cells in rows.items())])


@pytest.fixture(params=TOWNS)
def commune(request):
    return request.param


@pytest.fixture
def activity(app, commune):
    """(id of the activity, {name of the unit: its id})."""
    with app.test_request_context("/"), unit_of_work() as session:
        row = Activity(
            name="Service",
            kind=ActivityKind.canteen,
            season=Season.school,
            weekdays=[1, 2, 4, 5],
            booking_rule={"mode": "none"},
            cancelling_rule={"mode": "none"},
        )
        row.units = [
            Unit(name=name, kind=kind, with_meal=meal, position=place) for place, (name, kind, meal) in enumerate(UNITS[commune], 1)
        ]
        session.add(row)
        session.flush()
        return row.id, {unit.name: unit.id for unit in row.units}


def check_cases(app, commune, activity):
    """Every case of the town, by the version in force on the day."""
    activity_id, units = activity
    with app.test_request_context("/"):
        grids = Grids.load([activity_id])
    for case in TOWNS[commune]["cases"]:
        situation = Situation(
            quotient=None if case["qf"] is None else Decimal(str(case["qf"])),
            residence=Residence.resident if case.get("resident", True) else Residence.exterior,
            children=max(case.get("children_enrolled", 1), case.get("rank", 1)),
            rank=case.get("rank", 1),
            own_lunch=case.get("pai", False),
        )
        day = date.fromisoformat(case.get("date", "2026-11-23"))
        unit = units[ENGLISH[case["unit"]]] if "unit" in case else next(iter(units.values()))
        assert price(grids.at(activity_id, day).grid, unit, situation).unit_price == Decimal(case["price"]), case


def test_typed_on_the_screen(app, sign_in, commune, activity):
    town, client = TOWNS[commune], sign_in("agent")
    screen = Screen(client, activity[0]).table(COLUMNS[commune], rows_of(town))
    for kind, change, value, more in RULES.get(commune, ()):
        screen.rule(kind, change, value, **more)
    screen.press("check", starts_on=town.get("from_date", "2026-09-01"))
    assert screen.errors == [] and "The table is whole" in screen.response.text
    assert screen.press("save").response.status_code == 303, screen.errors
    if commune == "Chemaudin":
        older = Screen(client, activity[0]).table(COLUMNS[commune], BEFORE).press("save", starts_on="2020-09-01")
        assert older.response.status_code == 303
    check_cases(app, commune, activity)


def test_read_from_a_file(app, sign_in, commune, activity):
    town = TOWNS[commune]
    screen = upload(sign_in("agent"), activity[0], as_csv(COLUMNS[commune], rows_of(town)), starts_on=town.get("from_date", "2026-09-01"))
    for kind, change, value, more in RULES.get(commune, ()):
        screen.rule(kind, change, value, **more)
    screen.press("save")
    assert screen.response.status_code == 303, screen.errors
    check_cases(app, commune, activity)


def test_its_file_makes_the_same_table(app, sign_in, commune, activity):
    test_typed_on_the_screen(app, sign_in, commune, activity)
    client, activity_id = sign_in("agent"), activity[0]
    with app.test_request_context("/"):
        units = db.session.scalars(select(Unit).where(Unit.activity_id == activity_id)).all()
        for grid in kept(app, activity_id).values():
            assert read(from_csv(to_csv(grid, units), units).typed, units).grid == grid
    before = kept(app, activity_id)
    pk = client.get("/mairie/tarifs/").text.split('href="/mairie/tarifs/')
    pk = next(part.split("/")[0] for part in pk[1:] if part.split("/")[0].isdecimal())
    file = client.get(f"/mairie/tarifs/{pk}/export.csv").text
    assert upload(client, activity_id, file, starts_on="2030-09-01").press("save").response.status_code == 303
    grids = kept(app, activity_id)
    assert grids["2030-09-01"] in before.values() and len(grids) == len(before) + 1
