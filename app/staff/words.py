"""How does the log read? Its verbs and fields in the words of people."""

from dataclasses import dataclass

from app.activities.deadlines import MODES, describe
from app.changes.kinds import KINDS
from app.core import settings
from app.core.i18n import _, _l

NOUNS = {
    "family": _l("family"),
    "adult": _l("adult"),
    "child": _l("child"),
    "household": _l("household of a child"),
    "school": _l("school"),
    "school_year": _l("school year"),
    "school_class": _l("class"),
    "school_enrolment": _l("school enrolment"),
    "income_quotient": _l("income quotient"),
    "refusal_reason": _l("reason for a refusal"),
    "activity": _l("activity"),
    "activity_unit": _l("unit of an activity"),
    "activity_group": _l("group of an activity"),
    "places": _l("places"),
    "school_holiday": _l("school holiday"),
    "calendar_exception": _l("closed or open days"),
    "absence_reason": _l("reason for an absence"),
    "paper_type": _l("type of paper"),
    "setting": _l("settings"),
    "enrolment": _l("enrolment in an activity"),
    "paper": _l("paper"),
    "staff_meals": _l("adults who eat"),
    "tariff": _l("price table"),
    "rate_grant": _l("granted rate"),
    "third_party_share": _l("share of somebody else"),
    "reminder_step": _l("step of the reminders"),
    "news": _l("news"),
    "message_topic": _l("subject of messages"),
    "canned_answer": _l("ready answer"),
    "mail_text": _l("text of a mail"),
}
ACTS = {
    "add": _l("%(what)s: added"),
    "edit": _l("%(what)s: changed"),
    "delete": _l("%(what)s: deleted"),
    "archived": _l("%(what)s: put in the archive"),
    "restored": _l("%(what)s: taken out of the archive"),
    "ended": _l("%(what)s: ended"),
}
#: Columns that no form has.
FIELDS = {
    "amount": _l("Amount"),
    "assigned_to": _l("Colleague"),
    "assigned_to_id": _l("Colleague"),
    "content": _l("Prices"),
    "daily_digest": _l("One mail a day"),
    "family_id": _l("Family"),
    "locale": _l("Language"),
    "meals": _l("Meals"),
    "private_note": _l("Private note"),
    "quotient": _l("Income quotient"),
    "role": _l("Role"),
    "situation": _l("Situation"),
    "starts_on": _l("From"),
    "title": _l("Decision"),
}
SENTENCES = {
    "request.submitted": _l("request sent"),
    "request.decided.accept": _l("request accepted"),
    "request.decided.refuse": _l("request refused"),
    "request.decided.send_back": _l("request sent back"),
    "request.undone": _l("decision undone"),
    "request.returned": _l("request back in the queue"),
    "request.withdrawn": _l("request withdrawn"),
    "lot.sealed": _l("requests completed by the family"),
    "lot.assigned": _l("requests assigned"),
    "account.invited": _l("invitation made"),
    "letters.asked": _l("many invitations asked for"),
    "family.separated": _l("household separated"),
    "account.link_given_back": _l("access to a family given back"),
    "account.activated": _l("account opened"),
    "account.password": _l("password changed"),
    "account.blocked": _l("account blocked for a while"),
    "account.sessions_closed": _l("sessions closed"),
    "account.address": _l("sign-in address changed"),
    "account.link_ended": _l("access to a family ended"),
    "account.created": _l("account made"),
    "account.deactivated": _l("account closed"),
    "account.activated_again": _l("account opened again"),
    "account.signed_in": _l("signed in"),
    "account.sign_in_failed": _l("sign-in refused"),
    "account.reset_asked": _l("new password asked for"),
    "account.sign_in_link_asked": _l("link to sign in asked for"),
    "account.language": _l("language changed"),
    "account.mails": _l("rhythm of mails changed"),
    "account.session_closed": _l("session closed"),
    "account.second_step_on": _l("second step switched on"),
    "account.second_step_off": _l("second step switched off"),
    "account.recovery_codes": _l("new recovery codes made"),
    "account.recovery_code_used": _l("signed in with a recovery code"),
    "feed.made": _l("address of the calendar made"),
    "feed.revoked": _l("address of the calendar ended"),
    "acting.entered": _l("acted for the family"),
    "acting.left": _l("stopped acting for the family"),
    "mail.retried": _l("mail sent again"),
    "mail_text.house": _l("the house's text of a mail taken again"),
    "preregistration.confirmed": _l("address of a pre-registration confirmed"),
    "payment.begun": _l("payment online begun"),
    "payment.received": _l("payment received"),
    "payment.suspended": _l("payment set aside to be looked at"),
    "payment.taken_back": _l("payment taken back"),
    "suspense.closed": _l("payment to be looked at settled"),
    "list.exported": _l("list exported"),
    "family.note": _l("private note changed"),
    "school_holiday.imported": _l("official school calendar taken over"),
    "booking.entered": _l("booked by the town"),
    "booking.removed": _l("booking removed"),
    "booking.regrouped": _l("booked days moved to another group"),
    "absence.taken_back": _l("absence taken back"),
    "day.cancelled": _l("day taken away"),
    "day.restored": _l("day given back"),
    "kitchen.freeze": _l("kitchen sheet frozen"),
    "request.confirmed": _l("offered place taken"),
    "enrolment.booked": _l("usual week booked"),
    "enrolment.given_back": _l("bookings of the usual week given back"),
    "period.opened": _l("period of bills opened"),
    "run.dry": _l("bills computed"),
    "run.issue": _l("invoices issued"),
    "run.correct": _l("invoices corrected"),
    "run.stopped": _l("run of bills stopped"),
    "task.reminders": _l("reminders asked for"),
    "task.proofs": _l("requests for a proof of income asked for"),
    "task.certificates": _l("tax certificates of all families asked for"),
    "task.simulation": _l("simulation of a tariff asked for"),
    "bill.issued": _l("invoice issued"),
    "bill.held": _l("bill held back"),
    "bill.carried": _l("bill carried forward"),
    "bill.released": _l("bill released"),
    "invoice.corrected": _l("invoice corrected"),
    "invoice.credited": _l("invoice cancelled by a credit note"),
    "invoice.print_again": _l("invoice printed again"),
    "exemption.made": _l("days exempted"),
    "exemption.withdrawn": _l("days charged again"),
    "adjustment.made": _l("amount added to a bill, or taken off"),
    "adjustment.withdrawn": _l("amount taken back"),
    "quotient.reminded": _l("asked for a proof of income"),
    "reminder.sent": _l("reminder sent"),
    "broadcast.sent": _l("message sent to many families"),
    "thread.answered": _l("message answered"),
    "thread.assigned": _l("conversation assigned"),
    "thread.closed": _l("conversation closed"),
    "thread.noted": _l("note for colleagues written"),
    "thread.reopened": _l("conversation opened again"),
    "quotient.asked": _l("quotient asked of the fund"),
    "quotients.asked": _l("funds asked for all quotients"),
    "quotients.stopped": _l("asking of the funds stopped"),
}


def said(entry):
    """What an entry of the log tells, in words; its verb where we have none."""
    if entry.verb in SENTENCES:
        return capital(str(SENTENCES[entry.verb]))
    what, _dot, act = entry.verb.rpartition(".")
    kind = _kind(entry)
    name = kind.title if kind is not None else NOUNS.get(what)
    if name is None or act not in ACTS:
        return entry.verb
    return capital(str(ACTS[act]) % {"what": name})


def _kind(entry):
    """The kind that an entry is about, if any. A school is a record of its own and the name of a kind: the table tells."""
    what = entry.note if entry.verb.startswith("request.") else entry.verb.rpartition(".")[0]
    return KINDS.get(what) if entry.noun != what or what not in NOUNS else None


def capital(text):
    """A text that begins with a capital."""
    return text[:1].upper() + text[1:]


def noted(entry):
    """The note of an entry: the section that a request is about by its title."""
    name, colon, more = entry.note.partition(": ")
    return f"{KINDS[name].title}{colon}{more}" if name in KINDS else entry.note


@dataclass(frozen=True)
class ChangeLine:
    """One field of an entry. `told` is false where the log keeps the name alone."""

    label: str
    before: str = ""
    after: str = ""
    told: bool = True


def change_lines(entry):
    """The fields of an entry, as people read them."""
    kind = _kind(entry)
    return [_line(_label(entry, name, kind), name, pair, kind) for name, pair in (entry.changes or {}).items()]


def _label(entry, name, kind):
    """What the form calls a field in which it was changed."""
    if kind is not None and name in kind.asks:
        return str(kind.label(name))
    if entry.noun == "setting" and name in settings.DECLARED:
        return str(settings.DECLARED[name].title)
    # The screens import the words of the log.
    from app.staff.screens import VIEWS

    forms = (view.editor.form for view in VIEWS if getattr(view, "editor", None) is not None and view.editor.name == entry.noun)
    label = next((form.label_of(name) for form in forms if name in form.field_names()), FIELDS.get(name))
    return str(label) if label else name.replace("_", " ")


def _line(label, name, pair, kind):
    if not pair:
        return ChangeLine(label, told=False)
    values = [_shown(kind, name, pair.get(side)) for side in ("before", "after")]
    return ChangeLine(label, *values)


def _shown(kind, name, value):
    if value is None or value == "":
        return ""
    if kind is not None and name in kind.fields and not kind.is_file(name):
        try:
            return kind.show(name, value)
        except (KeyError, ValueError, TypeError):
            return str(value)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return describe(value) if isinstance(value, dict) and value.get("mode") in MODES else str(value)
