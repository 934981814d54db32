"""Who plays in the tests? A named cast, the same in every test."""

from datetime import UTC, date, datetime
from secrets import token_urlsafe

from sqlalchemy import insert, select

from app.children.models import Child, Household, Level, School, SchoolClass, SchoolEnrolment, SchoolYear, Weeks
from app.cli import make_roles
from app.core import clock
from app.core.db import own_transaction, unit_of_work
from app.extensions import db
from app.families.models import Adult, AdultRole
from app.families.operations import new_family
from app.security.models import Account, LoginSession
from app.security.operations import link_family, new_account
from app.security.passwords import hash_password
from app.security.sessions import hash_of
from app.security.who_sees_what import FAMILY_ROLE

PASSWORD = "cour-de-recre-2026"


def load():
    """Families Galbert, Martin and Petit (Hugo Martin lives with Martin and Petit), and one person of each role."""
    make_roles()
    hashed = hash_password(PASSWORD)
    with unit_of_work():
        year = SchoolYear(name="2026-2027", starts_on=date(2026, 9, 1), ends_on=date(2027, 8, 31), enrolling=True)
        school = School(name="Jacques-Prévert")
        db.session.add_all([year, school, School(name="Maria-Montessori")])
        galbert = _family("Galbert", [("Christelle", AdultRole.guardian), ("Marc", AdultRole.spouse)])
        martin = _family("Martin", [("Sophie", AdultRole.guardian)])
        petit = _family("Petit", [("Paul", AdultRole.guardian)])
        db.session.flush()
        classroom = SchoolClass(name="CE1 A", school=school, school_year=year, teacher="Mme Durand")
        for first_name, family, born, level in (
            ("Léa", galbert, date(2019, 3, 4), Level.ce1),
            ("Tom", galbert, date(2022, 6, 1), Level.ms),
            ("Hugo", martin, date(2018, 10, 9), Level.ce2),
        ):
            child = Child(first_name=first_name, last_name=family.name, birth_date=born)
            db.session.add(child)
            db.session.add(
                SchoolEnrolment(
                    child=child, school=school, school_year=year, level=level, school_class=classroom if level is Level.ce1 else None
                )
            )
            weeks = Weeks.even if first_name == "Hugo" else Weeks.all
            db.session.add(Household(child=child, family=family, weeks=weeks, started_on=date(2024, 9, 1)))
            if first_name == "Hugo":
                db.session.add(Household(child=child, family=petit, weeks=Weeks.odd, started_on=date(2024, 9, 1)))
        accounts = (
            ("galbert", galbert.guardian, "guardian"),
            ("marc", galbert.spouse, "spouse"),
            ("martin", martin.guardian, "guardian"),
            ("petit", petit.guardian, "guardian"),
        )
        for username, adult, standing in accounts:
            account = new_account(username, adult.first_name, adult.last_name, FAMILY_ROLE, hashed, email=f"{username}@famille.example")
            link_family(account, adult.family_id, standing, adult_id=adult.id)
        for username, role in (
            ("agent", "clerk"),
            ("agent2", "clerk"),
            ("regisseur", "regisseur"),
            ("animateur", "animator"),
            ("lecteur", "reader"),
            ("admin", "administrator"),
        ):
            new_account(username, username.title(), "Mairie", role, hashed)
    for account in db.session.scalars(select(Account)).all():
        identity(account.username)


def _family(name, adults):
    family = new_family(name)
    for first_name, role in adults:
        family.adults.append(
            Adult(
                role=role,
                first_name=first_name,
                last_name=name,
                mobile="06 11 22 33 44",
                address="3 rue des Lilas",
                postcode="77181",
                city="Saint-Exemple",
                email=f"{first_name.lower()}@famille.example",
            )
        )
    db.session.add(family)
    return family


def identity(username):
    """What the session of somebody holds in a browser in which they have signed in, without paying for a password's hash."""
    account_id, key = db.session.scalar(select(Account.id).filter_by(username=username)), f"key-of-{username}-in-the-tests"
    row = db.session.scalar(select(LoginSession).filter_by(key_hash=hash_of(key)))
    if row is None or row.ended_at is not None:
        key = token_urlsafe(18) if row is not None else key
        with own_transaction("login_session") as connection:
            # Seen for ever: no test's clock makes the first page write.
            values = {"account_id": account_id, "key_hash": hash_of(key), "device": "Firefox, Linux", "begun_at": clock.now()}
            connection.execute(insert(LoginSession).values(**values, seen_at=datetime(2200, 1, 1, tzinfo=UTC)))
    return f"{account_id}.{key}"
