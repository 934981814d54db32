"""How does a new family finish? Papers, a last look, an address confirmed by a link, what became of it, the sheet on paper."""

from functools import lru_cache

from flask import abort, current_app, flash, redirect, request, session, url_for
from flask_appbuilder import BaseView, expose

from app.activities.enrolling import open_activities
from app.changes import preregistration
from app.changes.notices import implied_decision, received_on
from app.children.preregistration import PapersForm, lines_of, name_of, paper_names
from app.children.preregistration_sheet import sheet_pdf
from app.core import clock
from app.core.db import unit_of_work
from app.core.errors import DomainError
from app.core.i18n import _, in_locale, language
from app.core.web import Town
from app.documents.models import StoredFile
from app.documents.pdf import pdf_response
from app.extensions import db
from app.portal.files import answer
from app.portal.preregistration import ENDPOINTS, KEY, WORDS, begun, change, kept, mine, surroundings
from app.security import throttle
from app.security.guard import PREREGISTRATION, writes

TOWN = Town()


class PreregistrationEndView(BaseView):
    """From the papers to the answer of the town."""

    route_base = "/preinscription"
    default_view = "check"

    @expose("/pieces/", methods=["GET", "POST"])
    @writes(PREREGISTRATION)
    @begun
    def papers(self, row):
        form = PapersForm()
        if request.method == "POST":
            good = form.validate()
            if kept(form, change, _keep_papers, form) and good:
                return redirect(url_for("PreregistrationEndView.check"))
        stored = _papers(mine())
        return self.show("papers", row, form=form, stored=stored), 422 if form.errors else 200

    @expose("/pieces/<name>", methods=["GET"])
    @begun
    def paper(self, row, name):
        stored = db.session.get(StoredFile, preregistration.papers_of(row).get(name, 0)) or abort(404)
        return answer(stored, small=False)

    @expose("/pieces/<name>/enlever", methods=["POST"])
    @writes(PREREGISTRATION)
    @begun
    def remove_paper(self, row, name):
        if name not in preregistration.papers_of(row):
            abort(404)
        change(preregistration.drop_paper, name)
        flash(_("The paper has been removed."), "success")
        return redirect(url_for("PreregistrationEndView.papers"))

    @expose("/verifier/")
    @begun
    def check(self, row):
        drafts = {key.partition("-")[0] for key in preregistration.drafts_of(row)}
        return self.show("check", row, parts_of=parts_of(row), drafts=drafts, missing=preregistration.missing_steps(row))

    @expose("/envoyer", methods=["POST"])
    @writes(PREREGISTRATION)
    @begun
    def send(self, row):
        with unit_of_work():
            row = mine(lock=True)
            if row.email and row.confirmed_at is None:
                _count_mail()
            preregistration.ask_to_send(row, locale=language())
        return redirect(url_for("PreregistrationEndView.state"))

    @expose("/suite/")
    @begun
    def state(self, row):
        last, lot = preregistration.latest_request(row), preregistration.lot_of(row)
        asked = bool(row.content.get("wants_to_send"))
        if last is None and not asked:
            return redirect(url_for("PreregistrationEndView.check"))
        days = (received_on(lot), implied_decision(lot)) if lot is not None else (None, None)
        page = "public/preregistration/state.html"
        return self.render_template(page, row=row, last=last, lot=lot, days=days, waits=asked)

    @expose("/reprendre-ma-demande", methods=["POST"])
    @writes(PREREGISTRATION)
    @begun
    def take_back(self, row):
        change(preregistration.take_back)
        flash(_("Your request has been taken back. You can correct it and send it again."), "success")
        return redirect(url_for("PreregistrationEndView.check"))

    # -- the link -------------------------------------------------------------------------------------------------------------------

    @expose("/courriel", methods=["POST"])
    @writes(PREREGISTRATION)
    @begun
    def mail(self, row):
        with unit_of_work():
            row = mine(lock=True)
            _count_mail()
            preregistration.write_to(row)
            address = row.email
        flash(
            _("We have written to %(email)s. The mail may take some minutes; look among the unwanted ones too.", email=address), "success"
        )
        return redirect(url_for("PreregistrationEndView.state"))

    @expose("/lien/<token>", methods=["GET", "POST"])
    @writes(PREREGISTRATION)
    def link(self, token):
        """A page with a button: mail scanners open links, and must not send anything by it."""
        try:
            if request.method == "POST":
                return _opened(token)
            row = preregistration.of_token(token)
        except DomainError as refusal:
            return self.render_template("public/preregistration/lapsed.html", sentence=refusal), 410
        return self.render_template("public/preregistration/link.html", row=row, sends=bool(row.content.get("wants_to_send")))

    # -- leaving --------------------------------------------------------------------------------------------------------------------

    @expose("/quitter", methods=["POST"])
    def leave(self):
        session.pop(KEY, None)
        flash(_("This computer does not know your form any more. The link in our mail opens it again."), "success")
        return redirect(url_for("PreregistrationView.start"))

    @expose("/effacer", methods=["POST"])
    @writes(PREREGISTRATION)
    @begun
    def erase(self, row):
        change(preregistration.erase)
        session.pop(KEY, None)
        flash(_("All that you had filled in is removed."), "success")
        return redirect(url_for("PreregistrationView.start"))

    # -- on paper -------------------------------------------------------------------------------------------------------------------

    @expose("/fiche.pdf")
    def blank(self):
        content = _blank_sheet(language(), clock.today(), tuple(_services()), (TOWN.name, TOWN.phone, TOWN.hours))
        return pdf_response(content, _("Pre-registration") + ".pdf")

    @expose("/ma-fiche.pdf")
    @begun
    def sheet(self, row):
        lot = preregistration.lot_of(row)
        papers = [str(title) for name, title in paper_names().items() if name in preregistration.papers_of(row)]
        content = sheet_pdf(row.content, services=_services(), papers=papers, number=lot.number if lot else "")
        return pdf_response(content, _("Pre-registration") + ".pdf")

    def show(self, step, row, **context):
        """The page of a step that has no fields of its own."""
        context.setdefault("title", WORDS[step])
        return self.render_template(f"public/preregistration/{step}.html", **surroundings(step, row), **context)


def parts_of(row):
    """[(step, title, lines, address)] of what was filled in, for the last look."""
    content, found = row.content, []
    for step in ("guardian", "spouse"):
        found.append((step, WORDS[step], lines_of(step, content.get(step) or {}), url_for(ENDPOINTS[step], to="check")))
    for rank, child in enumerate(content.get("children") or [], 1):
        address = url_for("PreregistrationView.child", rank=rank, to="check")
        found.append(("children", name_of(child), lines_of("children", child), address))
    if not content.get("children"):
        found.append(("children", WORDS["children"], [], url_for("PreregistrationView.children", to="check")))
    found.append(("wishes", WORDS["wishes"], lines_of("wishes", content.get("wishes") or {}), url_for(ENDPOINTS["wishes"], to="check")))
    papers = [(title, stored.filename.partition(" - ")[2] or stored.filename) for _name, title, stored in _papers(row) if stored]
    found.append(("papers", WORDS["papers"], papers, url_for(ENDPOINTS["papers"])))
    return found


def _papers(row):
    """[(field, words, StoredFile or None)] of the papers, in one query."""
    ids = preregistration.papers_of(row)
    files = (
        {stored.id: stored for stored in db.session.scalars(db.select(StoredFile).where(StoredFile.id.in_(ids.values())))} if ids else {}
    )
    return [(name, title, files.get(ids.get(name))) for name, title in paper_names().items()]


@lru_cache(maxsize=16)
def _blank_sheet(_language, _day, services, _town):
    """The same bytes for everybody: who is not signed in must not keep a processor busy with PDFs."""
    return sheet_pdf(services=services)


def _services():
    return [activity.name for activity in open_activities()]


def _keep_papers(row, form):
    """Keep the files that are good, even where another one is not: nobody chooses them twice. Their names are for the town's clerks."""
    for field in form:
        upload = getattr(field, "upload", None)
        if upload is not None:
            with in_locale(current_app.config["BABEL_DEFAULT_LOCALE"]):
                title = str(field.label.text)
            preregistration.keep_paper(row, field.name, upload, title)


def _count_mail():
    """Each mail counts at the door of this network address, within the open unit of work."""
    throttle.refuse_who_waits(throttle.PREREGISTRATIONS, lock=True)
    throttle.count(throttle.PREREGISTRATIONS)


def _opened(token):
    """The button of the link's page was pressed: the address is theirs, this browser goes on; what they wanted to send is sent."""
    with unit_of_work():
        row = preregistration.of_token(token, lock=True)
        sent, key = preregistration.confirm(row), row.key_hash
    session[KEY] = key
    if sent is not None:
        flash(_("Your address is confirmed, and your pre-registration is sent."), "success")
        return redirect(url_for("PreregistrationEndView.state"))
    flash(_("Your address is confirmed. You can go on here."), "success")
    return redirect(url_for("PreregistrationEndView.check" if row.sent_at is None else "PreregistrationEndView.state"))


def register(appbuilder):
    """Add the screens of a family that is not known yet."""
    from app.portal.preregistration import PreregistrationView

    appbuilder.add_view_no_menu(PreregistrationView)
    appbuilder.add_view_no_menu(PreregistrationEndView)
