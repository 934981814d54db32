"""The demo town, Saint-Exemple: made up, plausible, and the same for the same seed and day."""

from datetime import UTC, datetime, time
from random import Random

from flask import current_app
from sqlalchemy import select

from app.core import clock
from app.core.db import unit_of_work
from app.core.errors import DomainError
from app.core.i18n import _, in_locale
from app.extensions import db
from app.families.models import Family
from app.security.operations import new_account
from app.security.passwords import hash_password
from app.security.who_sees_what import Viewer

#: One for all accounts of the demo town; it is in the README.
PASSWORD = "cour-de-recre-2026"
#: (identifier, first name, last name, role); families' accounts belong to their adults.
STAFF = (
    ("agent", "Nadia", "Belkacem", Viewer.clerk),
    ("agent2", "Thierry", "Vasseur", Viewer.clerk),
    ("regisseur", "Monique", "Tessier", Viewer.regisseur),
    ("animateur", "Karim", "Robin", Viewer.animator),
    ("lecteur", "Hélène", "Aubert", Viewer.reader),
    ("admin", "Philippe", "Noël", Viewer.administrator),
)
ACCOUNTS = (("galbert",), ("marc",), ("martin",), ("petit",), *STAFF)
#: Families written in one transaction.
BATCH = 50


def load_into_empty():
    """The demo town of `make run`, where the database has no family yet; whether it was loaded."""
    if has_families():
        return False
    load()
    return True


def has_families():
    return db.session.scalar(select(Family.id).limit(1)) is not None


def load(families=60, seed=1, day=None):
    """Make the town in an empty database; returns how much there is of what. It lives on `day`; None: today, now."""
    if current_app.config["MODE"] == "production":
        raise DomainError(_("This is a real town (PREAU_MODE=production): the demo town is not loaded into it."))
    if has_families():
        raise DomainError(_("There are families in this database: the demo town is loaded into an empty one only."))
    application = current_app._get_current_object()
    present = datetime.combine(day, time(9), clock.zone()).astimezone(UTC) if day else clock.now()
    hashed = hash_password(PASSWORD)
    try:
        with (
            application.test_request_context("/", base_url=application.config["BASE_URL"]),
            in_locale(application.config["BABEL_DEFAULT_LOCALE"]),
        ):
            return _make(families, seed, present.replace(microsecond=0), hashed)
    finally:
        clock.stop_at(None)


def _make(families, seed, present, hashed):
    from app.demo.activities import enrol_children, offer_activities
    from app.demo.agenda import Agenda
    from app.demo.billing import bill
    from app.demo.children import named_children, share_some
    from app.demo.families import named_families
    from app.demo.story import counts, tell
    from app.demo.talk import talk
    from app.demo.tariffs import set_prices
    from app.demo.world import World, set_up_the_town

    world = World(rng=Random(seed), present=present, password_hash=hashed)
    clock.stop_at(world.at(1600, 9))
    with unit_of_work():
        set_up_the_town()
        world.build_schools(families)
        for username, first_name, last_name, role in STAFF:
            world.staff[username] = new_account(
                username, first_name, last_name, role.value, hashed, email=f"{username}@saint-exemple.example"
            )
        named = named_families(world)
        _settle(world, named)
        named_children(world, *named)
        world.settle()
    _others(world, families)
    with unit_of_work():
        share_some(world)
    clock.stop_at(world.present)
    with unit_of_work():
        world.offer = offer_activities(world)
        set_prices(world)
        world.agenda = Agenda(world, world.offer, enrol_children(world, world.offer))
        world.agenda.make()
    bill(world)
    tell(world)
    talk(world)
    return counts()


def _others(world, families):
    """Families of chance, until there are so many."""
    from app.demo.children import any_children
    from app.demo.families import any_family

    while len(world.homes) < families:
        # Queries here look for what is written already: flushing before each of them would take most of the time.
        with unit_of_work(), db.session.no_autoflush:
            homes = [any_family(world) for _place in range(min(BATCH, families - len(world.homes)))]
            _settle(world, homes)
            for home in homes:
                any_children(world, home)
            world.settle()


def _settle(world, homes):
    from app.demo.families import settle_in

    db.session.flush()
    for home in homes:
        settle_in(world, home)
    world.settle()
    world.homes.extend(homes)
