"""Who can sign in? Accounts of families and of the staff, invitations on paper, accesses that end."""

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.sqla.models import Role
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload
from wtforms import SelectField
from wtforms.validators import Regexp

from app.core import search
from app.core.errors import DomainError, NotFound
from app.core.forms import Email, Form, LongText, PersonName, Required, Text, option
from app.core.i18n import _, _l
from app.extensions import db
from app.families.models import Adult, Family
from app.security.models import Account, FamilyLink, LoginAddress
from app.security.operations import (
    close_sessions,
    end_link,
    invite,
    new_staff_account,
    one_time_password,
    refuse_unless_manages,
    set_active,
)
from app.security.passwords import hash_password
from app.security.scope import may, require, role_of
from app.security.second_factor import is_on, switch_off
from app.security.sessions import open_sessions
from app.security.who_sees_what import FAMILY_ROLE, STAFF_ROLES, Noun, Viewer
from app.staff.forms import StaffForm
from app.staff.interface import actor, saving
from app.staff.parts import Deed, Facet
from app.staff.views import StaffView

ROLES = {
    Viewer.administrator: _l("administrator"),
    Viewer.clerk: _l("clerk"),
    Viewer.regisseur: _l("régisseur"),
    Viewer.animator: _l("animator"),
    Viewer.reader: _l("reader"),
}


def role_label(account):
    """An account's role in words."""
    role = role_of(account)
    return ROLES[role] if role is not None else _("family")


class StaffAccountForm(StaffForm):
    """Somebody of the staff."""

    first_name = Text(_l("First name"), [PersonName()], longest=64, required=True)
    last_name = Text(_l("Last name"), [PersonName()], longest=64, required=True)
    username = Text(
        _l("Identifier"),
        [Regexp(r"^[a-zA-Z0-9._-]{3,40}$", message=_l("3 to 40 letters, digits, dots or hyphens."))],
        longest=40,
        required=True,
    )
    email = Text(_l("E-mail address"), [Email()], longest=254)
    role = SelectField(
        _l("Role"), [Required()], choices=[option("", _l("choose")), *(option(role.value, ROLES[role]) for role in STAFF_ROLES)]
    )


class EndLinkForm(Form):
    """Why an access ends."""

    because = LongText(
        _l("Why does this access end?"),
        longest=200,
        required=True,
        description=_l("Separation, court order, mistake… It stays in the log."),
    )


def _by_role(value):
    wanted = {"family": FAMILY_ROLE}.get(value, value)
    names = {FAMILY_ROLE, *(role.value for role in STAFF_ROLES)}
    return Account.roles.any(Role.name == wanted) if wanted in names else None


class AccountsView(StaffView):
    """Accounts."""

    noun, model, route_base = Noun.account, Account, "/mairie/comptes"
    route_methods = ("list", "export")
    list_title = _l("Accounts")
    labels = {
        "last_name": _l("Last name"),
        "first_name": _l("First name"),
        "username": _l("Identifier"),
        "role": _l("Role"),
        "families": _l("Families"),
        "last_login": _l("Last sign-in"),
        "active": _l("Open"),
        "created_on": _l("Made on"),
    }
    list_columns = ["last_name", "first_name", "username", "role", "families", "last_login", "active"]
    search_columns = ["last_name", "first_name", "username", "active"]
    search_hint = _l("Name or identifier")
    matches = staticmethod(
        lambda word: (
            search.contains(Account.last_name, word) | search.contains(Account.first_name, word) | search.contains(Account.username, word)
        )
    )
    facets = (
        Facet("role", _l("Role"), lambda: [("family", _("family")), *((role.value, label) for role, label in ROLES.items())], _by_role),
    )
    loads = (selectinload(Account.roles),)
    first_sort = (search.folded(Account.last_name), search.folded(Account.first_name))

    @classmethod
    def more_routes(cls):
        return ("new_staff", "account", "close", "activate", "deactivate", "end_link", "invite", "end_second_step")

    def deeds_of_list(self):
        if role_of(actor()) is not Viewer.administrator:
            return []
        return [Deed(_("New account of the staff"), url_for("AccountsView.new_staff"), "plus", "primary")]

    def decorate(self, rows):
        query = select(FamilyLink.account_id, Family).join(Family, Family.id == FamilyLink.family_id).where(FamilyLink.ended_at.is_(None))
        if len(rows) <= 100:
            query = query.where(FamilyLink.account_id.in_([row.id for row in rows]))
        found = {}
        for account_id, family in db.session.execute(query):
            found.setdefault(account_id, []).append(str(family))
        for row in rows:
            row.family_names = found.get(row.id, [])

    def cell_role(self, row):
        return str(role_label(row))

    def cell_families(self, row):
        return ", ".join(row.family_names)

    def row_url(self, row):
        return url_for("AccountsView.account", account_id=row.id)

    # -- one account ----------------------------------------------------------------------------------------------------------------

    @expose("/<int(max=2147483647):account_id>/")
    def account(self, account_id):
        require(Noun.account, "read")
        row = self.row(account_id)
        links = (
            select(FamilyLink, Family)
            .join(Family, Family.id == FamilyLink.family_id)
            .filter(FamilyLink.account_id == row.id)
            .order_by(FamilyLink.ended_at.desc(), FamilyLink.id)
        )
        address = db.session.scalar(select(LoginAddress).filter_by(account_id=row.id))
        return self.render_template(
            "staff/account.html",
            title=str(row),
            account=row,
            role=role_label(row),
            links=db.session.execute(links).all(),
            address=address,
            devices=open_sessions(row.id),
            second_step=is_on(row.id),
            deeds=self._deeds_of(row),
            may_edit=may(Noun.account, "edit"),
            back_url=self.back_url(),
        )

    def _deeds_of(self, row):
        if not may(Noun.account, "edit"):
            return []
        try:
            refuse_unless_manages(row, by=actor())
        except DomainError:
            return []
        deeds = [
            Deed(
                _("Close all sessions"),
                url_for("AccountsView.close", account_id=row.id),
                "log-out",
                post=True,
                confirm=_("Sign this person out everywhere?"),
            )
        ]
        if is_on(row.id):
            deeds.append(
                Deed(
                    _("End the second step"),
                    url_for("AccountsView.end_second_step", account_id=row.id),
                    "shield",
                    post=True,
                    confirm=_("Has this person lost the telephone? From now on the password alone signs in, and every session is closed."),
                )
            )
        if row.active:
            question = _("Close this account? The person is signed out and cannot sign in any more.")
            return [
                *deeds,
                Deed(_("Close the account"), url_for("AccountsView.deactivate", account_id=row.id), "lock", "danger", True, question),
            ]
        return [*deeds, Deed(_("Open the account again"), url_for("AccountsView.activate", account_id=row.id), "undo", post=True)]

    def _do(self, account_id, act, said):
        require(Noun.account, "edit")
        self.row(account_id)
        with saving():
            account = db.session.get(Account, account_id)
            refuse_unless_manages(account, by=actor())
            act(account)
        flash(said, "success")
        return redirect(url_for("AccountsView.account", account_id=account_id))

    @expose("/<int(max=2147483647):account_id>/deconnecter", methods=["POST"])
    def close(self, account_id):
        return self._do(account_id, lambda account: close_sessions(account, by=actor()), _("Every session of this account is closed."))

    @expose("/<int(max=2147483647):account_id>/sans-code", methods=["POST"])
    def end_second_step(self, account_id):
        def end(account):
            switch_off(account, by=actor())
            close_sessions(account, by=actor())

        return self._do(account_id, end, _("The second step is off. Set it up again at the next sign-in."))

    @expose("/<int(max=2147483647):account_id>/desactiver", methods=["POST"])
    def deactivate(self, account_id):
        return self._do(account_id, lambda account: set_active(account, False, by=actor()), _("The account is closed."))

    @expose("/<int(max=2147483647):account_id>/reactiver", methods=["POST"])
    def activate(self, account_id):
        return self._do(account_id, lambda account: set_active(account, True, by=actor()), _("The account is open again."))

    @expose("/acces/<int(max=2147483647):link_id>/terminer", methods=["GET", "POST"])
    def end_link(self, link_id):
        require(Noun.account, "edit")
        link = db.session.get(FamilyLink, link_id) if link_id < 2**31 else None
        if link is None or link.ended_at is not None:
            abort(404)
        form, back, account_id = EndLinkForm(), url_for("AccountsView.account", account_id=link.account_id), link.account_id
        family = db.session.get(Family, link.family_id)
        if form.validate_on_submit():
            self._end(link_id, form.because.data)
            return redirect(url_for("AccountsView.account", account_id=account_id))
        title = _("End the access of %(person)s to %(family)s", person=link.account, family=family)
        return self.render_template(
            "staff/form.html", title=title, form=form, back_url=back, button=_("End the access")
        ), 422 if form.errors else 200

    @staticmethod
    def _end(link_id, because):
        with saving():
            link = db.session.get(FamilyLink, link_id, with_for_update=True)
            if link.ended_at is None:
                end_link(link, because, by=actor())
                close_sessions(link.account, by=actor())
        flash(_("This access has ended."), "success")

    # -- new ones -------------------------------------------------------------------------------------------------------------------

    @expose("/ajouter", methods=["GET", "POST"])
    def new_staff(self):
        require(Noun.account, "edit")
        if role_of(actor()) is not Viewer.administrator:
            abort(403)
        form = StaffAccountForm(key="new-staff")
        if form.validate_on_submit():
            password = one_time_password()
            if self._try(form, lambda: self._make(form, password, hash_password(password))):
                return self.render_template(
                    "staff/one_time.html", title=_("Account made"), form=form, password=password, back_url=self.back_url()
                )
        return self._show_form(form, _("New account of the staff"), self.back_url())

    @staticmethod
    def _make(form, password, hashed):
        with saving():
            role = Viewer(form.role.data)
            return new_staff_account(
                form.username.data, form.first_name.data, form.last_name.data, role, hashed, by=actor(), email=form.email.data
            ).id

    @expose("/inviter/<int(max=2147483647):adult_id>", methods=["GET", "POST"])
    def invite(self, adult_id):
        require(Noun.account, "edit")
        adult = db.session.get(Adult, adult_id, options=[joinedload(Adult.family)]) if adult_id < 2**31 else None
        if adult is None:
            abort(404)
        back = url_for("FamilyView.family", family_id=adult.family_id)
        if request.method == "GET":
            sentence = _(
                "A letter with a code is made for %(adult)s. Former letters no longer work. The code is shown once: print it at once.",
                adult=adult,
            )
            return self.render_template(
                "staff/confirm.html",
                title=_("Invite %(adult)s?", adult=adult),
                sentence=sentence,
                back_url=back,
                button=_("Make the letter"),
                kind="primary",
            )
        if adult.family.archived_at is not None:
            raise NotFound(_("This family is in the archive: restore it first."))
        with saving():
            code = invite(adult.id, adult.family_id, by=actor())
        adult = db.session.get(Adult, adult_id, options=[joinedload(Adult.family)])
        return self.render_template("staff/letter.html", title=_("Invitation"), adult=adult, code=code, back_url=back)
