"""How fast are bills made? Issues a month of a town of 1,000 families beside the widest free peer, and says where our limits break.

Each measure runs in a process of its own, so that its memory is its own.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from tests import postgres
from tests.bench import PEERS_HASH_MS, application, hash_ms, say

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench/results_billing.json"
PAGES = ROOT / "bench/results.json"
FAMILIES = int(os.environ.get("BENCH_FAMILIES", "1000"))
#: The month that is billed, and the days on which its canteen opens: 17, and 34 lines a family, 33 of every fifth: 33,800 of 1,000.
FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)
DAYS = [day for day in (FIRST + timedelta(days=place) for place in range(30)) if day.isoweekday() in (1, 2, 4, 5)]
#: Noethysweb 1.3.3.8 on two shared cores, SQLite, 1,000 families and 33,800 lines: seconds, megabytes.
PEER = {"issue": ((70, 99), 926), "pdf": ((193, 204), 1004)}
#: Ours, at most; of 1,000 families, on a machine on which a password's hash takes PEERS_HASH_MS.
SECONDS, MEGABYTES = {"issue": 5, "pdf": 60}, {"issue": 300, "pdf": 700}
#: The dearest line may cost so many times the cheapest, from 100 families to 10,000.
FLAT = 1.5


# -- the town ---------------------------------------------------------------------------------------------------------------------------


def fill(app, families):
    """Two children a family, a canteen by quotient and an evening by effort, a month of bookings and of what was noted."""
    from app.cli import deploy_once
    from app.core import clock
    from app.core.db import unit_of_work

    with app.app_context():
        deploy_once()
        clock.set_to(datetime(2026, 12, 1, 8, 0, tzinfo=UTC))
        with unit_of_work():
            units = _activities()
        for start in range(0, families, 500):
            with unit_of_work():
                _families(range(start, min(start + 500, families)), units)


def _activities():
    from app.activities.models import Activity, ActivityKind, Unit, UnitKind
    from app.billing.grids import grid_to_json
    from app.billing.models import TariffGrid
    from app.extensions import db
    from tests.billing import cast

    made = []
    for place, (name, kind, unit, grid) in enumerate(
        (
            ("Restaurant", ActivityKind.canteen, UnitKind.meal, cast.canteen_grid()),
            ("Accueil du soir", ActivityKind.evening, UnitKind.hour, cast.evening_grid()),
        )
    ):
        activity = Activity(name=name, kind=kind, position=place + 10)
        made.append(Unit(activity=activity, name=name, kind=unit))
        db.session.add(made[-1])
        db.session.flush()
        row = TariffGrid(activity_id=activity.id, starts_on=date(2026, 9, 1), content=grid_to_json(grid))
        db.session.add(row)
    db.session.flush()
    return [(unit.id, unit.activity_id) for unit in made]


def _families(numbers, units):
    from sqlalchemy import insert

    from app.activities.models import Attendance, Booking, BookingState, Enrolment, Mark
    from app.children.models import Child, Household
    from app.extensions import db
    from app.families.models import Adult, AdultRole, Family, IncomeQuotient, QuotientSource

    rows = {model: [] for model in (Family, Adult, IncomeQuotient, Child, Household, Enrolment, Booking, Attendance)}
    for number in numbers:
        family = number + 1
        rows[Family].append({"id": family, "code": f"B{family:05}", "name": f"Famille {family}"})
        adult = {"last_name": f"Famille {family}", "first_name": "Camille", "address": "3 rue des Lilas"}
        rows[Adult].append({"family_id": family, "role": AdultRole.guardian, "postcode": "77181", "city": "Saint-Exemple", **adult})
        quotient = {"family_id": family, "value": 300 + number % 1500, "counts_from": date(2026, 1, 1), "source": QuotientSource.proof}
        rows[IncomeQuotient].append(quotient)
        for place, meals, evenings in ((0, DAYS, ()), (1, DAYS[: 9 - (number % 5 == 0)], DAYS[:8])):
            child = 2 * number + place + 1
            born = date(2016 + (number + 3 * place) % 7, 1 + number % 12, 1 + number % 28)
            rows[Child].append({"id": child, "last_name": f"Famille {family}", "first_name": f"Enfant {place + 1}", "birth_date": born})
            rows[Household].append({"child_id": child, "family_id": family, "started_on": date(2024, 9, 1)})
            for (unit, activity), days in zip(units, (meals, evenings), strict=True):
                year = {"starts_on": date(2026, 9, 1), "ends_on": date(2027, 7, 3), "week": {}}
                rows[Enrolment].append({"child_id": child, "family_id": family, "activity_id": activity, **year})
                place_of = {"child_id": child, "unit_id": unit}
                for day in days:
                    rows[Booking].append({**place_of, "day": day, "family_id": family, "state": BookingState.booked, "late": day.day == 12})
                    at = datetime(day.year, day.month, day.day, 11, 0, tzinfo=UTC)
                    rows[Attendance].append({**place_of, "day": day, "state": Mark.present, "marked_at": at, "marked_by": "Animateur"})
    for model, values in rows.items():
        db.session.execute(insert(model), values)


# -- what is measured, in a process of its own --------------------------------------------------------------------------------------------


def issue(app):
    """Price and issue the month: what the worker does from the moment that a clerk asks."""
    from sqlalchemy import func, select

    from app.billing.models import InvoiceLine, RunKind
    from app.billing.operations import ask_run, open_period
    from app.billing.runs import run_due
    from app.core.db import unit_of_work
    from app.extensions import db

    with unit_of_work():
        ask_run(open_period(FIRST, LAST, by="bench", title="Novembre 2026"), RunKind.issue, by="bench")
    began, busy = time.perf_counter(), time.process_time()
    while run_due():
        pass
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    return {"seconds": round(seconds, 2), "cpu": round(busy, 2), "lines": db.session.scalar(select(func.count(InvoiceLine.id)))}


def pdf(app):
    """Print every invoice with the town's texts and logo, and keep it: what the worker does from the moment that they are issued."""
    from sqlalchemy import func, select

    from app.billing.documents import render_due
    from app.billing.models import Invoice, InvoiceDocument, InvoiceLine
    from app.billing.paper import papers_of
    from app.core import clock
    from app.extensions import db

    clock.advance(hours=1)
    _letterhead()
    began, busy = time.perf_counter(), _busy()
    while render_due():
        pass
    seconds, busy = time.perf_counter() - began, _busy() - busy
    made, pages = db.session.execute(select(func.count(InvoiceDocument.file_id), func.sum(InvoiceDocument.pages))).one()
    ids = db.session.scalars(select(Invoice.id).order_by(Invoice.id).limit(500)).all()
    rows = sum(len(part.rows) for paper in papers_of(ids) for part in paper.parts) / len(ids)
    lines = db.session.scalar(select(func.count(InvoiceLine.id)))
    assert made == db.session.scalar(select(func.count(Invoice.id))), "some invoices have no PDF"
    shape = {"pdfs": made, "pages": round(pages / made, 2), "rows": round(rows, 1), "lines_each": round(lines / made, 1)}
    return {"seconds": round(seconds, 2), "cpu": round(busy, 2), "lines": lines, **shape}


def _busy():
    """Seconds of processor of this process and of those that it started and has seen end."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _letterhead():
    """What a town writes on its invoices: an address, how to pay, the law, a logo."""
    import io

    from PIL import Image, ImageDraw

    from app.core import settings
    from app.core.db import unit_of_work
    from app.core.files import Upload
    from app.documents.models import FileState
    from app.documents.operations import store
    from app.security.who_sees_what import Noun

    drawn, picture = Image.new("RGB", (900, 300), "white"), io.BytesIO()
    ImageDraw.Draw(drawn).ellipse((20, 20, 280, 280), fill="navy")
    ImageDraw.Draw(drawn).rectangle((320, 100, 860, 200), fill="teal")
    drawn.save(picture, "PNG")
    with unit_of_work():
        logo = store(Upload("logo.png", "image/png", picture.getvalue()), noun=Noun.bill, state=FileState.kept)
        settings.put("invoice_logo", logo.id)
        settings.put("invoice_address", "Mairie de Saint-Exemple\n1 place de la Mairie\n77181 Saint-Exemple")
        settings.put("invoice_payment", "Par chèque, avec le talon ci-dessous.\nEn espèces ou CESU au guichet.\nPar carte sur le portail.")
        settings.put("invoice_legal", "Toute réclamation est à adresser à la mairie dans les deux mois. " * 2)


MEASURES = {"issue": issue, "pdf": pdf}


def measured(what, folder, url):
    """The figures of one measure, with the most memory that its process had."""
    command = [sys.executable, "-m", "tests.bench_billing", what, str(folder), url]
    answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return json.loads(answer.stdout.splitlines()[-1])


def _child(what, folder, url):
    from app.core import clock, memory

    app = application(Path(folder), url)
    # As the worker does at its start.
    memory.settle()
    with app.app_context(), app.test_request_context("/"):
        clock.set_to(datetime(2026, 12, 1, 8, 0, tzinfo=UTC))
        figures = MEASURES[what](app)
    # Processes that were forked share most of theirs with their parent: they are counted whole all the same.
    most = [resource.getrusage(whose).ru_maxrss // 1024 for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    figures["megabytes"] = most[0] + (2 * most[1] if what == "pdf" else 0)
    print(json.dumps(figures))


def issued(families, server=None, also=()):
    """What it costs to issue the month of so many families, on SQLite or on a server of PostgreSQL, and what comes then; figures."""
    with tempfile.TemporaryDirectory(prefix="preau-bench-") as name:
        folder = Path(name)
        url = server.create(f"billing{families}") if server else f"sqlite:///{folder / 'town.db'}"
        app = application(folder, url)
        fill(app, families)
        with app.app_context():
            from app.extensions import db

            db.session.remove()
            db.engine.dispose()
        database = "postgresql" if server else "sqlite"
        for what in ("issue", *also):
            # Of the slower moment: what else runs on the machine only adds to a time.
            before, figures = hash_ms(), measured(what, folder, url)
            yield {"what": what, "database": database, "families": families, **figures, "hash_ms": round(max(before, hash_ms()))}


def row(result):
    (low, high), memory = PEER[result["what"]]
    per_line = 1e6 * result["seconds"] / result["lines"]
    beside = f"{low}–{high} s, {memory} MB" if result["families"] == 1000 else "–"
    if "pdfs" in result:
        beside += f" ({result['rows']} rows of {result['lines_each']} lines, {result['pages']} pages a PDF, {result['cpu']} s of processor)"
    numbers = f"{result['lines']:>8,} {result['seconds']:>7.2f} {result['megabytes']:>5} {per_line:>7.0f}"
    return f"  {result['what']:<8} {result['database']:<11} {result['families']:>6,} {numbers} │ {beside}"


def faults(results):
    """What of our limits the results break."""
    for one in results:
        limit = SECONDS[one["what"]] * max(1, one["hash_ms"] / PEERS_HASH_MS)
        # The peer was measured on SQLite; a server of its own adds a way there and back to each statement.
        if one["families"] == 1000 and one["database"] == "sqlite" and one["seconds"] > limit:
            yield f"{one['what']}: {one['seconds']} s; at most {limit:.1f}"
        if one["families"] <= 1000 and one["megabytes"] > MEGABYTES[one["what"]]:
            yield f"{one['what']} on {one['database']}: {one['megabytes']} MB; at most {MEGABYTES[one['what']]}"
    costs = [one["cpu"] / one["lines"] for one in results if one["database"] == "sqlite" and one["what"] == "issue"]
    if max(costs) > FLAT * min(costs):
        yield f"issue: a line costs from {1e6 * min(costs):.0f} to {1e6 * max(costs):.0f} µs of processor; it should not depend on the town"


#: What the batches are called in bench/results.json, beside the pages.
NAMES = {"issue": "issue_month", "pdf": "month_pdfs"}


def add_to_pages(results):
    """Put the batches of 1,000 families into the list that tests/bench.py has written."""
    pages = json.loads(PAGES.read_text()) if PAGES.exists() else []
    batches = [
        {
            "name": NAMES[one["what"]],
            "database": one["database"],
            "families": one["families"],
            "seconds": one["seconds"],
            "peak_mb": one["megabytes"],
            "items": one.get("pdfs", one["lines"]),
        }
        for one in results
        if one["families"] == FAMILIES
    ]
    kept = [page for page in pages if page["name"] not in NAMES.values()]
    PAGES.write_text(json.dumps(kept + batches, indent=1) + "\n")


def main():
    """Measure; the exit code is 1 where a limit is broken."""
    say(f"\n  {'bills':<8} {'database':<11} {'famil.':>6} {'lines':>8} {'s':>7} {'MB':>5} {'µs/line':>7} │ Noethysweb 1.3.3.8")
    results = []
    with ExitStack() as stack:
        wanted = [(families, None) for families in (100, FAMILIES, 10 * FAMILIES)]
        if not postgres.missing() and not os.environ.get("BENCH_SQLITE_ONLY"):
            wanted.append((FAMILIES, stack.enter_context(postgres.server())))
        for families, server in wanted:
            for result in issued(families, server, ("pdf",) if families == FAMILIES else ()):
                results.append(result)
                say(row(result))
    found = list(faults(results))
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    add_to_pages(results)
    say("\n" + ("\n".join(found) or "Bills keep their limits."))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main() if len(sys.argv) == 1 else _child(*sys.argv[1:]))
