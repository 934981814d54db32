"""How does the town ask the funds for quotients? Of one household, and of all that agree; what was answered is noted."""

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from app.audit.operations import record
from app.core import clock, settings
from app.core.db import unit_of_work
from app.core.enums import Labelled
from app.core.errors import DomainError
from app.core.i18n import _, _l
from app.extensions import db
from app.families.models import AskingState, CafData, Family, FundAnswer, QuotientAsking, QuotientSource
from app.families.operations import enter_quotient, set_fund
from app.families.particulier import NoAnswer, Told, ask, configured, person_of
from app.families.quotients import quotient_ends
from app.families.rules import first_of_next_month, months_after

#: A quotient that is the same is entered again after so long: it has been proved anew.
RENEWED_AFTER = timedelta(days=300)
#: Who asks of its own accord, in the log.
BY_ITSELF = "Préau"


class Frequency(Labelled):
    """How often the funds are asked for all quotients."""

    never = "never", _l("only when a clerk asks")
    monthly = "monthly", _l("every month")
    yearly = "yearly", _l("every year in January")


settings.declare(
    "ask_quotients",
    str,
    Frequency.never.value,
    _l("Ask the funds for quotients (API Particulier)"),
    hint=_l("Of the families that agree. New quotients come in January."),
    group=_l("Bills"),
    choices=Frequency,
)


# -- one household ----------------------------------------------------------------------------------------------------------------------


def answer_for(family_id):
    """What a family's fund says: Told or NoAnswer. Calls the network: never inside a unit of work."""
    query = select(Family).where(Family.id == family_id).options(joinedload(Family.caf), joinedload(Family.adults))
    family = db.session.scalars(query).unique().one()
    try:
        person = person_of(family)
        # No transaction stays open while the network is waited for.
        db.session.rollback()
        return ask(person)
    except NoAnswer as problem:
        return problem


def note_answer(family_id, answer, *, by):
    """Keep what a fund said, within the open unit of work; returns whether a quotient was entered.

    That the town's key was refused is not the household's fault, and is not kept.
    """
    family = db.session.scalar(select(Family).where(Family.id == family_id).with_for_update())
    told = isinstance(answer, Told)
    if family is None or family.caf is None or not family.caf.consent or (not told and answer.ends):
        return False
    family.caf.asked_at, family.caf.answer = clock.now(), FundAnswer.found if told else answer.answer
    if not told:
        return False
    set_fund(family.caf, answer.fund)
    new = _is_new(family, answer.value)
    if new:
        month = first_of_next_month(clock.today()) if family.quotients else clock.today().replace(day=1)
        enter_quotient(family, answer.value, month, QuotientSource.api)
    record("quotient.asked", family, by=by, changes={"quotient": (None, None)} if new else {}, secret=True)
    return new


def _is_new(family, value):
    last = family.quotients[-1] if family.quotients else None
    if last is None or last.value != value or clock.now() - last.recorded_at > RENEWED_AFTER:
        return True
    # It does not count for all of the month from which the new one would.
    ends = quotient_ends(last.counts_from)
    return ends is not None and ends < months_after(clock.today(), 2)


# -- all that agree -----------------------------------------------------------------------------------------------------------------------


def _agreeing():
    return select(Family.id).join(CafData).where(CafData.consent, Family.archived_at.is_(None))


def last_asking():
    """The QuotientAsking that runs, or ran last; None where none ever did."""
    return db.session.scalar(select(QuotientAsking).order_by(QuotientAsking.id.desc()).limit(1))


def agreeing():
    """SQL: how many families agree."""
    return select(func.count()).select_from(_agreeing().subquery()).scalar_subquery()


def ask_all(*, by):
    """Begin to ask the funds of all families that agree, within the open unit of work; the worker goes on. Returns the row."""
    if not configured():
        raise DomainError(_("The town has no key for API Particulier."))
    if (last := last_asking()) is not None and last.state is AskingState.running:
        raise DomainError(_("The funds are being asked already."))
    row = QuotientAsking(asked_by=str(by)[:120], total=db.session.scalar(select(agreeing())))
    db.session.add(row)
    db.session.flush()
    record("quotients.asked", row, by=by)
    return row


def stop_asking(*, by):
    """Stop the asking that runs, within the open unit of work; what was answered stays."""
    row = db.session.scalar(select(QuotientAsking).where(QuotientAsking.state == AskingState.running).with_for_update())
    if row is not None:
        _end(row, AskingState.stopped, _("%(name)s stopped it.", name=by))
        record("quotients.stopped", row, by=by)


def _end(row, state, problem=""):
    row.state, row.finished_at, row.problem = state, clock.now(), str(problem)[:300]


def ask_due(limit=10):
    """The worker's job: ask for a few families of the asking that runs; returns how many. Killed, it asks the last one again."""
    done = 0
    while done < limit and (found := _next()) is not None:
        run_id, family_id = found
        answer = answer_for(family_id) if family_id is not None else None
        with unit_of_work():
            _note_step(run_id, family_id, answer)
        done += 1
    return done


def _next():
    """(asking, family that is next), (asking, None) at the end; None where nothing is to be done now."""
    row = db.session.scalar(select(QuotientAsking).where(QuotientAsking.state == AskingState.running))
    if row is None or (row.resumes_at is not None and row.resumes_at > clock.now()):
        return None
    return row.id, db.session.scalar(_agreeing().where(Family.id > row.after_family_id).order_by(Family.id).limit(1))


def _note_step(run_id, family_id, answer):
    row = db.session.scalar(select(QuotientAsking).where(QuotientAsking.id == run_id).with_for_update())
    if row.state is not AskingState.running or (family_id is not None and row.after_family_id >= family_id):
        # It was stopped meanwhile, or another worker was faster.
        return
    if answer is None:
        _end(row, AskingState.done)
    elif isinstance(answer, NoAnswer) and answer.ends:
        _end(row, AskingState.stopped, answer)
    elif isinstance(answer, NoAnswer) and answer.pause:
        row.resumes_at = clock.now() + timedelta(seconds=answer.pause)
    else:
        new = note_answer(family_id, answer, by=row.asked_by)
        name = answer.answer.value if isinstance(answer, NoAnswer) else "found"
        counts = {**row.counts, name: row.counts.get(name, 0) + 1}
        row.counts = counts | ({"new": counts.get("new", 0) + 1} if new else {})
        row.after_family_id, row.done, row.resumes_at = family_id, row.done + 1, None


def begin_asking():
    """The housekeeping job: begin to ask of all, where the town wants it and this month or January has not had it yet."""
    wanted, today = settings.get("ask_quotients"), clock.today()
    if not configured() or wanted == Frequency.never.value or (wanted == Frequency.yearly.value and today.month != 1):
        return 0
    last = last_asking()
    if last is not None and (last.state is AskingState.running or clock.local(last.asked_at).date() >= today.replace(day=1)):
        return 0
    with unit_of_work():
        ask_all(by=BY_ITSELF)
    return 1
