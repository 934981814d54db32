"""How does a family pay online? What is due and ticked, the way to the bank, and what became of it."""

from urllib.parse import urlencode

from flask import abort, current_app, flash, make_response, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_login import current_user
from sqlalchemy import select

from app.core.db import unit_of_work
from app.core.errors import DomainError
from app.core.forms import named_id
from app.core.i18n import _
from app.core.web import POLICY, csp_nonce
from app.documents.pdf import pdf_response
from app.extensions import csrf, db
from app.mail.texts import link
from app.payments.models import AttemptState, DemoTransaction, PaymentAttempt
from app.payments.online import announce, begin, hear, hurry, live_attempt, one_by_one, paid_with, payable
from app.payments.providers import Refused, SignedProvider, provider, provider_named
from app.payments.queries import payment_of
from app.payments.receipts import receipt_pdf
from app.portal.queries import family_name
from app.portal.views import PortalView
from app.security.guard import LOGS, writes
from app.security.queries import reader_of
from app.security.scope import may
from app.security.who_sees_what import Noun

ATTEMPT = LOGS | {"payment_attempt", "demo_transaction"}
#: What the signed word of a bank posts.
POSTED = ATTEMPT | {"payment", "ledger_entry", "allocation", "suspense", "counter", "outgoing_mail"}
REFERENCE = "<string(minlength=6,maxlength=30):reference>"
#: Seconds between two looks of a page that waits for the bank, and for how many of them it does.
LOOK_AGAIN, LOOKS = 3, 40


def may_pay():
    """Whether the person may pay online, and the town takes it."""
    return may(Noun.payment, "ask") and provider() is not None


def pays_apart():
    """Whether each invoice is paid by itself."""
    return provider() is not None and one_by_one(provider())


class PayView(PortalView):
    """One payment for all that is due, or for what is ticked."""

    class_permission_name = Noun.payment.value
    method_permission_name = {"pay": "ask", "bank": "ask", "back": "read", "receipt": "read"}

    @expose("/payer/", methods=["GET", "POST"])
    @writes(ATTEMPT)
    def pay(self):
        found = self.enter(Noun.payment, "ask")
        ticked, problem = _ticked(), ""
        if request.method == "POST":
            try:
                return redirect(url_for("PayView.bank", reference=_start(found.family_id, ticked)), code=303)
            except DomainError as refusal:
                problem = str(refusal)
        due, total = payable(found.family_id)
        under_way = live_attempt(found.family_id, {one.invoice.id for one in due})
        page = self.render_template(
            "portal/pay.html", title=_("Pay"), due=due, total=total, ticked=ticked, problem=problem, under_way=under_way, open=may_pay()
        )
        return page, 422 if problem else 200

    @expose(f"/payer/{REFERENCE}/")
    def bank(self, reference):
        attempt = self._attempt(reference)
        if attempt.state is not AttemptState.pending:
            return redirect(url_for("PayView.back", reference=reference))
        form = _form_of(attempt)
        page = make_response(self.render_template("portal/pay_bank.html", title=_("To the bank"), attempt=attempt, form=form))
        if form is not None:
            policy = POLICY.format(nonce=csp_nonce(), styles="")
            page.headers["Content-Security-Policy"] = policy.replace("form-action 'self'", f"form-action 'self' {form.origin}")
        return page

    @expose(f"/payer/{REFERENCE}/retour")
    def back(self, reference):
        attempt, looks = self._attempt(reference), request.args.get("n", 0, type=int)
        waits = attempt.live and 0 <= looks < LOOKS
        again = url_for("PayView.back", reference=reference, n=looks + 1) if waits else ""
        return self.render_template(
            "portal/pay_back.html",
            title=_("Your payment"),
            attempt=attempt,
            payment=paid_with(attempt),
            again=again,
            pause=LOOK_AGAIN,
            looks=LOOKS,
            bank_url=attempt.url if attempt.live else "",
        )

    @expose("/payer/recu-<int(max=2147483647):payment_id>.pdf")
    def receipt(self, payment_id):
        payment = payment_of(payment_id, self.enter(Noun.payment).family_id) or abort(404)
        return pdf_response(receipt_pdf(payment), f"{payment.number}.pdf")

    def _attempt(self, reference):
        """The family's attempt, or 404."""
        family_id = self.enter(Noun.payment).family_id
        return db.session.scalar(select(PaymentAttempt).filter_by(reference=reference, family_id=family_id)) or abort(404)


def _ticked():
    """The invoices that the form names; None: all that is due."""
    return set(filter(None, map(named_id, request.values.getlist("invoice")))) or None


def _start(family_id, ticked):
    """Save an attempt, tell the bank; the attempt's reference. Raises DomainError."""
    reader = reader_of(current_user.id, family_id)
    if reader is None:
        raise DomainError(_("To pay online the town needs your e-mail address: add it to your account first."))
    with unit_of_work():
        attempt = begin(family_id, ticked, by=current_user._get_current_object())
        number, reference = attempt.id, attempt.reference
    announce(
        number,
        email=reader.email,
        notify_url=link("NotifyView.notify"),
        return_url=link("PayView.back", reference=reference),
        title=_("Invoices of family %(name)s", name=family_name(family_id)),
    )
    return reference


def _form_of(attempt):
    """What is posted to a bank that is not reached by an address alone; None for the others."""
    bank, reader = provider_named(attempt.provider), reader_of(current_user.id, attempt.family_id)
    if not isinstance(bank, SignedProvider) or reader is None:
        return None
    back = link("PayView.back", reference=attempt.reference)
    return bank.form(attempt, email=reader.email, notify_url=link("NotifyView.word"), return_url=back)


class NotifyView(BaseView):
    """The bank says that there is news. It is not believed: it makes us ask sooner."""

    route_base = "/paiement"
    default_view = "notify"

    @expose("/notification", methods=["GET", "POST"])
    @csrf.exempt
    @writes(frozenset({"payment_attempt"}))
    def notify(self):
        values = {name.lower(): value for name, value in request.values.items()}
        token = values.get("idop", "")[:80]
        if request.method == "POST" and token:
            with unit_of_work():
                known = hurry("payfip", token)
            if not known:
                current_app.logger.info("a notification of no attempt")
        return "", 204

    @expose("/banque", methods=["POST"])
    @csrf.exempt
    @writes(POSTED)
    def word(self):
        bank = provider()
        if not isinstance(bank, SignedProvider):
            abort(404)
        try:
            token, answer = bank.heard(urlencode(list(request.form.items(multi=True))))
        except Refused as forged:
            current_app.logger.warning("a notification was refused: %s", forged)
            return "", 400
        with unit_of_work():
            known = hear(bank.name, token, answer)
        if not known:
            current_app.logger.info("a notification of no attempt")
        return "", 200


class DemoBankView(PortalView):
    """The demonstration's own bank: it takes nothing, and answers what one likes."""

    class_permission_name = Noun.payment.value
    method_permission_name = {"bank": "ask"}

    @expose("/banque/<string(minlength=20,maxlength=80):token>/", methods=["GET", "POST"])
    @writes(ATTEMPT)
    def bank(self, token):
        family_id = self.enter(Noun.payment, "ask").family_id
        attempt = db.session.scalar(select(PaymentAttempt).filter_by(provider="demo", token=token, family_id=family_id)) or abort(404)
        answer = request.form.get("answer", "")
        if request.method == "POST" and answer in ("paid", "refused", "abandoned"):
            with unit_of_work():
                row = db.session.get(DemoTransaction, token, with_for_update=True)
                if row.answer != "paid":
                    row.answer = answer
                hurry("demo", token)
            return redirect(url_for("PayView.back", reference=attempt.reference), code=303)
        if request.method == "POST":
            flash(_("Choose what the bank answers."), "warning")
        return self.render_template("portal/pay_demo.html", title=_("Bank of the demonstration"), attempt=attempt)
