"""What do the town's mails say? Their words in each language, with the places for values, a look at them and a test."""

from flask import abort, current_app, flash, g, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from wtforms import StringField, TextAreaField
from wtforms.validators import Length

from app.core.errors import DomainError
from app.core.forms import OneLine, Required
from app.core.i18n import _, _l, language
from app.mail.page import html_of
from app.mail.templates import names, template
from app.mail.texts import LONGEST_SUBJECT, put_together
from app.mail.wording import check_wording, reword, take_back, try_out, wording_of
from app.security.operations import address_of
from app.security.scope import may
from app.security.who_sees_what import Noun
from app.staff.forms import StaffForm
from app.staff.interface import actor, saving
from app.staff.views import screen

LONGEST = 6000
TOO_LONG = _l("At most %(max)d characters.")


class WordsForm(StaffForm):
    """A subject and a text. Spaces stay as typed: French has some that do not break."""

    subject = StringField(_l("Subject"), [Required(), OneLine(), Length(max=LONGEST_SUBJECT, message=TOO_LONG)])
    body = TextAreaField(_l("Text"), [Required(), Length(max=LONGEST, message=TOO_LONG)], render_kw={"rows": 18})


class MailTextView(BaseView):
    """The words of the mails."""

    noun = Noun.mail
    route_base = "/mairie/courriels/textes"
    default_view = "all"
    class_permission_name = noun.value
    method_permission_name = {"all": "read", "edit": "edit", "house": "edit"}

    @expose("/")
    @screen
    def all(self):
        return self.render_template("staff/mail_texts.html", title=_("Texts of the mails"), mails=_overview(), tongues=_tongues())

    @expose("/<mail>/<tongue>/", methods=["GET", "POST"])
    @screen
    def edit(self, mail, tongue):
        house, row = _house(mail, tongue), wording_of(mail, tongue)
        shown = dict(zip(("subject", "body"), (row.subject, row.body) if row else house.words(tongue), strict=True))
        form = WordsForm(key=f"mail:{mail}:{tongue}", shown=shown, data=shown)
        if request.method == "POST" and _is_right(form, mail, tongue) and _done(form, mail, tongue, shown):
            return redirect(url_for("MailTextView.edit", mail=mail, tongue=tongue), 303)
        page = self.render_template("staff/mail_text.html", form=form, row=row, **_beside(form, house, tongue))
        return page, 422 if form.errors else 200

    @expose("/<mail>/<tongue>/maison", methods=["POST"])
    @screen
    def house(self, mail, tongue):
        _house(mail, tongue)
        with saving():
            take_back(mail, tongue, by=actor())
        flash(_("The original words are back."), "success")
        return redirect(url_for("MailTextView.edit", mail=mail, tongue=tongue), 303)


def _tongues():
    return {code: language["name"] for code, language in current_app.config["LANGUAGES"].items()}


def _house(mail, tongue):
    """The HouseTemplate of an address, or 404."""
    if mail not in names() or tongue not in _tongues():
        abort(404)
    return template(mail)


def title_of(house, tongue):
    """A mail's subject with sample values: what it is called in lists."""
    return put_together(*house.words(tongue), house.samples(tongue))[0]


def _overview():
    """[(name, title, when it leaves, {language: MailText})], sorted by title; one query."""
    from app.mail.models import MailText

    found, reader = {}, language()
    for row in current_app.appbuilder.session.query(MailText):
        found.setdefault(row.template, {})[row.locale] = row
    houses = [(title_of(house, reader), house) for house in map(template, names())]
    houses.sort(key=lambda mail: mail[0].casefold())
    return [(house.name, title, house.about(reader).get("when", ""), found.get(house.name, {})) for title, house in houses]


def _beside(form, house, tongue):
    """What stands beside the form: the places, and the mail as it would look with what is typed."""
    samples, address = house.samples(tongue), address_of(actor())
    subject, body = put_together(form.subject.data or "", form.body.data or "", samples)
    return {
        "title": title_of(house, language()),
        "name": house.name,
        "tongue": tongue,
        "tongues": _tongues(),
        "when": house.about(language()).get("when", ""),
        "places": [(place, samples[place], place in house.kept(tongue)) for place in house.places(tongue)],
        "preview": {"subject": subject, "body": body, "html": html_of(subject, body, tongue)},
        "own_address": address.email if address else "",
        "may_edit": may(Noun.mail, "edit"),
    }


def _is_right(form, mail, tongue):
    if not form.validate():
        return False
    for field, sentence in check_wording(mail, tongue, form.subject.data, form.body.data).items():
        form.refuse(sentence, field)
    return not form.errors


def _done(form, mail, tongue, shown):
    """Do what the button says; whether the page is to be opened anew."""
    step = request.form.get("step")
    if step == "test":
        _test(form, mail, tongue)
    return step == "save" and _saved(form, mail, tongue, shown)


def _test(form, mail, tongue):
    address = address_of(actor())
    if address is None:
        form.refuse(_("We do not know an e-mail address of yours: give one under your own account."))
        return
    with saving():
        try_out(address.email, mail, tongue, form.subject.data, form.body.data)
    flash(_("A test is on its way to %(email)s.", email=address.email), "info")


def _saved(form, mail, tongue, shown):
    if form.shown != shown:
        form.show_again(shown)
        form.refuse(_("Somebody changed these words since you opened this page. Compare, then save again."))
        return False
    try:
        with saving():
            reword(mail, tongue, form.subject.data, form.body.data, by=actor())
    except DomainError as refusal:
        form.refuse(refusal)
        return False
    g.pop("mail_texts", None)
    flash(_("Saved. Mails that are written from now on have these words."), "success")
    return True
