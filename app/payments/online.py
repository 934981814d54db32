"""How does a family pay online? An attempt is saved, the bank is told, and the bank's own word, looked up by us, posts it: once.

Nothing that a browser or a notification says settles anything: it only makes us ask sooner (facts of PayFiP: docs/payments.md).
"""

from datetime import timedelta
from secrets import choice
from string import ascii_uppercase, digits

from flask import current_app
from sqlalchemy import select, update

from app.audit.operations import record
from app.billing import ledger
from app.billing.models import EntryKind, Invoice
from app.billing.queries import account
from app.changes.operations import lock_family
from app.core import clock
from app.core.db import unit_of_work
from app.core.errors import DomainError, Stale
from app.core.i18n import _
from app.core.money import format_money, from_cents, to_cents
from app.extensions import db
from app.mail.operations import queue_mail
from app.payments.debts import by_titre, names_of, refuse_part
from app.payments.models import AttemptState, Means, Payment, PaymentAttempt, Suspense, SuspenseReason
from app.payments.models.attempt import LIVE
from app.payments.operations import write_journal
from app.payments.providers import Found, ProviderDown, Refused, provider, provider_named
from app.security.queries import reader_of

S = AttemptState
#: How long a family has to open the bank's page (PayFiP: 15 minutes); an attempt that old may be left for another.
OPEN_FOR = timedelta(minutes=15)
#: How long the bank is asked: an answer may come late.
ASK_FOR = timedelta(days=7)
#: Pauses between two looks: every few seconds while somebody waits for it, then every few minutes, then every few hours.
PAUSES = ((timedelta(minutes=3), timedelta(seconds=10)), (timedelta(hours=2), timedelta(minutes=5)), (ASK_FOR, timedelta(hours=6)))
#: For so long an attempt that was refused or given up is still watched.
WATCH_FOR = timedelta(hours=1)
#: What the bank may forget soon is not taken for its last word.
FORGOTTEN_AFTER = timedelta(hours=26)


def payable(family_id, wanted=None):
    """([Unpaid] that a family may pay online now, their sum in euros): of the ids in `wanted`, or all."""
    chosen = [one for one in account(family_id).unpaid if wanted is None or one.invoice.id in wanted]
    return chosen, sum((one.left for one in chosen), from_cents(0))


def one_by_one(bank):
    """Whether one payment pays one invoice alone."""
    return not bank.grouped or by_titre()


def begin(family_id, wanted, *, by):
    """Save an attempt to pay these invoices (ids; None: all that is due), within the open unit of work; returns it.

    The server decides how much. Raises DomainError where nothing is due, the bank takes no such amount, or another attempt is at the bank
    for one of them.
    """
    bank = provider()
    if bank is None:
        raise DomainError(_("The town does not take payments online yet."))
    lock_family(family_id)
    chosen, amount = payable(family_id, wanted)
    if not chosen:
        raise DomainError(_("Nothing is left to pay."))
    if one_by_one(bank):
        if len(chosen) > 1:
            raise DomainError(_("Each invoice is paid by itself: choose one."))
        refuse_part(chosen[0])
    if not bank.least <= amount <= bank.most:
        raise DomainError(
            _("Between %(least)s and %(most)s can be paid online.", least=format_money(bank.least), most=format_money(bank.most))
        )
    _refuse_second(family_id, {one.invoice.id for one in chosen})
    attempt = PaymentAttempt(
        family_id=family_id,
        account_id=getattr(by, "id", None),
        provider=bank.name,
        reference=_reference(),
        amount=amount,
        parts=[[one.invoice.id, to_cents(one.left)] for one in chosen],
        # Should the server stop before it has told the bank.
        look_at=clock.now() + OPEN_FOR,
    )
    db.session.add(attempt)
    db.session.flush()
    record("payment.begun", attempt, by=by)
    return attempt


def _reference():
    """Letters and digits, fresh: day and ten drawn ones."""
    return f"{clock.today():%Y%m%d}" + "".join(choice(ascii_uppercase + digits) for _place in range(10))


def live_attempt(family_id, invoices):
    """The attempt of a family at the bank that is about one of these invoices and young enough to be paid, or None."""
    query = select(PaymentAttempt).where(PaymentAttempt.family_id == family_id, PaymentAttempt.state.in_(LIVE))
    young = db.session.scalars(query.where(PaymentAttempt.started_at > clock.now() - OPEN_FOR).order_by(PaymentAttempt.id.desc()))
    return next((one for one in young if invoices & {number for number, _cents in one.parts}), None)


def _refuse_second(family_id, invoices):
    if live_attempt(family_id, invoices) is not None:
        raise DomainError(_("A payment of these invoices is under way. Finish it at the bank, or wait some minutes."))


def announce(attempt_id, *, email, notify_url, return_url, title):
    """Tell the bank of an attempt, outside any unit of work; returns the address where the family pays.

    Raises DomainError where the bank cannot be reached, or does not take it: nothing was paid then.
    """
    attempt = db.session.get(PaymentAttempt, attempt_id)
    bank = provider_named(attempt.provider)
    try:
        started = bank.start(attempt, email=email, notify_url=notify_url, return_url=return_url, title=title)
    except (ProviderDown, Refused) as problem:
        db.session.rollback()
        current_app.logger.warning("payment %s was not announced: %s", attempt_id, problem)
        with unit_of_work():
            _end(_locked(attempt_id), S.refused, trouble=str(problem))
        raise DomainError(_("The bank cannot be reached. Nothing was paid: try again later.")) from problem
    db.session.rollback()
    with unit_of_work():
        attempt = _locked(attempt_id)
        attempt.token, attempt.url, attempt.state, attempt.look_at = started.token, started.url, S.pending, clock.now() + PAUSES[0][1]
    return started.url


def _locked(attempt_id):
    return db.session.get(PaymentAttempt, attempt_id, with_for_update=True, populate_existing=True)


def hurry(provider_name, token):
    """Somebody says that the bank has an answer: ask it at the next look, within the open unit of work. Whether it is known."""
    mine = (PaymentAttempt.provider == provider_name) & (PaymentAttempt.token == token)
    due = update(PaymentAttempt).where(mine, PaymentAttempt.look_at.is_not(None))
    return db.session.execute(due.values(look_at=clock.now())).rowcount > 0


def hear(provider_name, token, answer):
    """A bank that cannot be asked says, signed, what became of a payment: within the open unit of work. Whether we know it."""
    mine = select(PaymentAttempt.id).filter_by(provider=provider_name, token=token)
    attempt_id = db.session.scalar(mine)
    if attempt_id is None:
        return False
    attempt = _locked(attempt_id)
    if attempt.state in (S.paid, S.suspense):
        return True
    # Money counts however late it is said to have come; the rest only while somebody waits for it.
    if attempt.live or answer.found in (Found.paid, Found.debit):
        _take(attempt, answer)
    if not attempt.live:
        # There is nobody to be asked.
        attempt.look_at = None
    return True


# -- what the worker does ---------------------------------------------------------------------------------------------------------------


def look_up_due(limit=20):
    """Ask the bank about the attempts that are due; returns how many it was asked about."""
    due = select(PaymentAttempt.id).where(PaymentAttempt.look_at <= clock.now()).order_by(PaymentAttempt.look_at, PaymentAttempt.id)
    found = db.session.scalars(due.limit(limit)).all()
    for attempt_id in found:
        look_up(attempt_id)
    return len(found)


def look_up(attempt_id):
    """Ask the bank about one attempt, outside any unit of work, and post what it says. Any number of times, from any number of places."""
    attempt = db.session.get(PaymentAttempt, attempt_id)
    if attempt.token is None:
        _forget_unannounced(attempt_id)
        return
    bank, answer, trouble = provider_named(attempt.provider), None, ""
    try:
        answer = bank.look_up(attempt) if bank is not None else None
    except ProviderDown as down:
        trouble = str(down)
    db.session.rollback()
    with unit_of_work():
        attempt = _locked(attempt_id)
        if attempt.look_at is None:
            return
        attempt.looks += 1
        if answer is None:
            _later(attempt, trouble)
        else:
            _take(attempt, answer)


def _forget_unannounced(attempt_id):
    """The server stopped between saving an attempt and telling the bank: the bank never heard of it."""
    db.session.rollback()
    with unit_of_work():
        _end(_locked(attempt_id), S.expired)


def _take(attempt, answer):
    """What the bank's answer comes to, the attempt locked."""
    age = clock.now() - attempt.started_at
    if answer.found in (Found.paid, Found.debit):
        _money(attempt, answer)
    elif answer.found in (Found.refused, Found.abandoned):
        _end(attempt, S.refused if answer.found is Found.refused else S.abandoned)
        # The bank's page is still open: somebody may go back there and pay.
        attempt.look_at = clock.now() + PAUSES[1][1] if age < WATCH_FOR else None
    elif answer.found is Found.gone and age > FORGOTTEN_AFTER:
        _end(attempt, S.expired)
    else:
        _later(attempt)


def _later(attempt, trouble=""):
    """Ask again after a pause that grows; after a week no more."""
    attempt.trouble, age = trouble[:300], clock.now() - attempt.started_at
    pause = next((pause for until, pause in PAUSES if age < until), None)
    if pause is None:
        _end(attempt, S.expired, trouble=trouble)
    else:
        attempt.look_at = clock.now() + pause


def _end(attempt, state, *, trouble=""):
    attempt.state, attempt.look_at, attempt.finished_at, attempt.trouble = state, None, clock.now(), trouble[:300]


def _money(attempt, answer):
    """The bank took money: post it, or put it aside for a clerk where anything is odd."""
    lock_family(attempt.family_id)
    means = Means.debit if answer.found is Found.debit else Means.online
    reason = _oddness(attempt, answer)
    if reason is not None:
        amount = attempt.amount if answer.amount is None else answer.amount
        db.session.add(Suspense(attempt_id=attempt.id, family_id=attempt.family_id, reason=reason, amount=amount, means=means.value))
        _end(attempt, S.suspense)
        record("payment.suspended", attempt, by="system", note=reason.value)
        return
    payment = _post(attempt, means, attempt.parts)
    _end(attempt, S.paid)
    _tell(attempt, payment)


def _oddness(attempt, answer):
    """The SuspenseReason of an answer that does not fit the attempt to the cent, or None."""
    if not answer.fits or answer.reference not in names_of(attempt, current_app.config["PAYFIP_REFDET"]):
        return SuspenseReason.reference
    if not answer.real:
        return SuspenseReason.mode
    if answer.amount != attempt.amount:
        return SuspenseReason.amount
    for invoice_id, cents in attempt.parts:
        if ledger.left(db.session.get(Invoice, invoice_id)) < from_cents(cents):
            return SuspenseReason.not_due
    return None


def _post(attempt, means, parts, *, amount=None, by="system"):
    amount = attempt.amount if amount is None else amount
    entry = ledger.post(attempt.family_id, EntryKind.payment, -amount, by=by, title=str(means.label))
    payment = write_journal(
        attempt.family_id,
        entry,
        means,
        amount,
        by=by,
        received_on=clock.today(),
        reference=attempt.reference,
        attempt_id=attempt.id,
    )
    for invoice_id, cents in parts:
        ledger.allocate(entry, db.session.get(Invoice, invoice_id), from_cents(cents))
    if not parts:
        ledger.settle(entry)
    record("payment.received", payment, by=by)
    return payment


def _tell(attempt, payment):
    """A mail to whoever paid: the receipt's number, how much, for what."""
    reader = reader_of(attempt.account_id, attempt.family_id)
    if reader is not None:
        invoices = [db.session.get(Invoice, number).number for number, _cents in attempt.parts]
        queue_mail(
            reader.email,
            "payment",
            locale=reader.locale,
            family_id=attempt.family_id,
            account_id=reader.account_id,
            number=payment.number,
            amount=payment.amount,
            day=payment.received_on,
            reference=attempt.reference,
            invoices=invoices,
            debit=payment.means is Means.debit,
        )


# -- what a clerk does with what is odd -------------------------------------------------------------------------------------------------


def accept_suspense(suspense, *, by):
    """The money is the family's: post it as a payment of its oldest invoices, within the open unit of work; returns the Payment."""
    _close(suspense, _("Posted on the family's account."), by=by)
    return _post(suspense.attempt, Means[suspense.means], [], amount=suspense.amount, by=str(by))


def dismiss_suspense(suspense, outcome, *, by):
    """The money was given back, or never came: say what was done, within the open unit of work."""
    if not outcome.strip():
        raise DomainError(_("Say what was done."))
    _close(suspense, outcome.strip(), by=by)


def _close(suspense, outcome, *, by):
    db.session.refresh(suspense, with_for_update=True)
    if suspense.closed_at is not None:
        raise Stale(_("Somebody has looked after this already."))
    suspense.closed_at, suspense.closed_by, suspense.outcome = clock.now(), str(by)[:120], outcome[:200]
    record("suspense.closed", suspense, by=by, note=suspense.outcome)


def paid_with(attempt):
    """The Payment that an attempt became, or None."""
    return db.session.scalar(select(Payment).filter_by(attempt_id=attempt.id))
