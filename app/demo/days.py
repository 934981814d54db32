"""What do families ask about days? Wishes for bookings, absences, enrolments and papers, and those that the documentation tells of."""

from datetime import date, timedelta

from sqlalchemy import func, select

from app.activities.models import Absence, Booking, BookingState, PlaceAsked, Places
from app.activities.waiting import offer_freed
from app.changes.kinds import kind_of
from app.changes.models import Act
from app.core import clock
from app.core.codec import encode
from app.core.db import unit_of_work
from app.demo import names
from app.demo.wishes import Wish, scan, wish
from app.extensions import db

#: Beyond every deadline, and within what the town has booked.
SAFE = 13


def asks(kind, child_id, files=None, **after):
    """A request to add something to a child."""
    return Wish(kind_of(kind), None, encode(after), act=Act.add, child_id=child_id, files=files or {})


def pupils_of(world, home, *activities):
    """The family's children who take part in one of these activities; in any, where none is named."""
    mine = [pupil for pupil in world.agenda.pupils if pupil.family_id == home.family.id and pupil.weeks_of]
    return [pupil for pupil in mine if not activities or set(activities) & set(pupil.weeks_of)]


def free_cells(world, pupil, key):
    """(unit, day) of a child's usual week that it has neither booked nor asked for, far enough ahead for any deadline."""
    week = pupil.weeks_of.get(key, {})
    first = clock.today() + timedelta(days=SAFE)
    days = [day for day in world.agenda.days_of(key, pupil.school_id) if day >= max(first, world.today + timedelta(days=2))]
    booked, asked = (
        {(row.unit_id, row.day) for row in db.session.execute(_cells_of(model, pupil, first))} for model in (Booking, PlaceAsked)
    )
    cells = [(unit_id, day) for day in days if pupil.is_here(day) for unit_id in week.get(str(day.isoweekday()), ())]
    return [cell for cell in cells if cell not in booked | asked]


def _cells_of(model, pupil, first):
    return select(model.unit_id, model.day).where(model.child_id == pupil.id, model.day >= first)


def bookings(pupil, cells):
    return [asks("booking", pupil.id, unit_id=unit_id, day=day) for unit_id, day in cells]


@wish(9)
def a_day(world, home):
    """One day, somewhere in the weeks to come."""
    pupils = pupils_of(world, home, "canteen", "evening", "wednesday")
    if not pupils:
        return None
    pupil = world.pick(pupils)
    cells = free_cells(world, pupil, world.pick(sorted({"canteen", "evening", "wednesday"} & set(pupil.weeks_of))))
    return bookings(pupil, [world.pick(cells)]) if cells else None


@wish(8)
def some_weeks(world, home):
    """The canteen of one child for the days that are still empty: what Nadia finds on Monday morning."""
    pupils = pupils_of(world, home, "canteen")
    pupil = world.pick(pupils) if pupils else None
    cells = free_cells(world, pupil, "canteen")[:8] if pupil else []
    return bookings(pupil, cells) if cells else None


@wish(9)
def absence(world, home):
    """A child does not come for a day or two."""
    pupils = pupils_of(world, home)
    if not pupils:
        return None
    pupil, first = world.pick(pupils), clock.today() + timedelta(days=1)
    mine = select(func.min(Booking.day)).where(
        Booking.child_id == pupil.id, Booking.family_id == home.family.id, Booking.state == BookingState.booked
    )
    day = db.session.scalar(mine.where(Booking.day >= first))
    reason = world.pick(world.offer.reasons)
    said = world.pick(names.ABSENT_BECAUSE) if reason.needs_text else None
    return day and asks("absence", pupil.id, first_day=day, last_day=day, reason_id=reason.id, explanation=said)


@wish(5)
def one_more_activity(world, home):
    """A child takes part in something else."""
    for pupil in pupils_of(world, home):
        for key, unit in (("morning", "early"), ("wednesday", "whole")):
            if key not in pupil.weeks_of and 3 <= clock.age(pupil.born, world.today) <= 11 and pupil.level is not None:
                days = ("3",) if key == "wednesday" else ("1", "2")
                first = clock.today() + timedelta(days=SAFE)
                return asks(
                    "enrolment",
                    pupil.id,
                    activity_id=world.offer.activities[key].id,
                    starts_on=first,
                    ends_on=date(world.year_begins + 1, 7, 3),
                    week={day: [world.offer.units[unit].id] for day in days},
                )
    return None


@wish(6)
def insurance_certificate(world, home):
    """The paper that the activities ask for."""
    pupils = pupils_of(world, home)
    if not pupils:
        return None
    lines = (f"Année scolaire {world.year_begins}-{world.year_begins + 1}", f"Souscripteur : {home.family.guardian}")
    files = {"file_id": scan("Attestation d’assurance scolaire", *lines, as_pdf=world.chance(0.4))}
    return asks("paper", world.pick(pupils).id, files, paper_type_id=world.offer.papers["insurance"].id)


@wish(3)
def certificate(world, home):
    """The doctor's word that follows an absence of the last weeks."""
    lately = Absence.first_day >= clock.today() - timedelta(days=40)
    mine = select(Absence).where(Absence.family_id == home.family.id, Absence.certificate_id.is_(None), lately)
    told = db.session.scalar(mine.order_by(Absence.id.desc()).limit(1))
    if told is None:
        return None
    files = {"certificate_id": scan("Certificat médical", f"Patient : {told.child}", "Cabinet du docteur Lemaire")}
    return Wish(kind_of("certificate"), told, {}, child_id=told.child_id, files=files)


@wish(2)
def too_late(world, home):
    """The canteen of the next days, asked after the deadline, with a reason."""
    for pupil in pupils_of(world, home, "canteen"):
        days = [
            day for day in world.agenda.days_of("canteen", pupil.school_id) if day > max(clock.today(), world.today) and pupil.is_here(day)
        ]
        unit, day = world.offer.units["meal"].id, days[0] if days else None
        if day and not db.session.scalar(select(Booking.id).filter_by(child_id=pupil.id, unit_id=unit, day=day)):
            (found,) = bookings(pupil, [(unit, day)])
            found.comment = "Je commence un nouveau travail ce jour-là, merci de votre compréhension."
            return found
    return None


@wish(3)
def a_full_day(world, home, rank=0):
    """A Wednesday without a place: the waiting list."""
    unit, group = world.offer.units["whole"].id, world.offer.groups["wednesday", "big"].id
    days = world.agenda.full_days()
    for pupil in pupils_of(world, home, "wednesday") if days else ():
        day = days[rank]
        if pupil.is_here(day) and world.agenda.group_id("wednesday", pupil, day) == group:
            return asks("booking", pupil.id, unit_id=unit, day=day)
    return None


# -- those that the documentation tells of ---------------------------------------------------------------------------------------------


def scenes(story, world):
    """What Christelle asked about days: accepted, refused, waiting, absent, and a place that is offered."""
    galbert, at = world.homes[0], world.at
    story.add(at(8, 20, 5), story.ask, galbert, lambda world, home: of_lea(world, home, "canteen", 2, "evening"), "accept")
    story.add(at(6, 20, 5), story.ask, galbert, lambda world, home: of_lea(world, home, "canteen", 1), "refuse")
    story.add(at(1, 20, 30), story.ask, galbert, lambda world, home: of_lea(world, home, "canteen", 3, "evening"), None)
    story.add(at(5, 7, 50), story.ask, galbert, absence, "accept")
    story.add(at(4, 21), story.ask, galbert, lambda world, home: _offered(world, home), None)
    story.add(world.present - timedelta(hours=2), offer_one_place, world)


def of_lea(world, home, key, count, other=None):
    """The next empty days of the eldest child; refused ones are asked by another day than those that wait."""
    lea = pupils_of(world, home, "wednesday")[0]
    cells = free_cells(world, lea, key)[:count]
    return bookings(lea, cells + (free_cells(world, lea, other)[:1] if other else []))


def _offered(world, home):
    return a_full_day(world, home, rank=1)


def offer_one_place(world):
    """Somebody gave a place back: the town has one more for the day that Christelle waits for."""
    unit, group, day = world.offer.units["whole"].id, world.offer.groups["wednesday", "big"].id, world.agenda.full_days()[1]
    with unit_of_work():
        row = db.session.scalar(select(Places).filter_by(unit_id=None, group_id=group, day=day))
        row.places += 1
        db.session.flush()
        offer_freed(unit, group, day)
