"""How does a family ask? One Flask-AppBuilder view a kind, made from the registry: its add, edit and delete call submit()."""

from flask import abort, g, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.models.filters import BaseFilter, Filters
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access
from flask_appbuilder.widgets import FormWidget
from flask_login import current_user
from sqlalchemy import false

from app.audit.operations import note_health_read
from app.changes.kinds import Proposal
from app.changes.models import Act
from app.changes.operations import submit, waiting_request
from app.changes.queries import kinds_of_families
from app.core.db import unit_of_work
from app.core.errors import DomainError
from app.core.i18n import _, _l
from app.core.views import SafeModelView
from app.security.guard import REQUESTS
from app.security.scope import require, standing
from app.security.who_sees_what import Noun


class InMyFamily(BaseFilter):
    """Only rows that the acting family may ask about."""

    name = "in my family"
    arg_name = "mine"

    def apply(self, query, kind):
        found = standing()
        return query.filter(kind.of_family(found.family_id) if found is not None else false())


class ClosedFilters(Filters):
    """No filter from the query string."""

    def add_filter_index(self, *args, **kwargs):
        return None


class RequestInterface(SQLAInterface):
    """A datamodel whose writes become requests."""

    kind = None

    def get(self, *args, **kwargs):
        g.asked_about = super().get(*args, **kwargs)
        return g.asked_about

    def _submit(self, proposal):
        try:
            with unit_of_work():
                g.submitted = submit(self.kind, proposal, standing=standing(), by=current_user._get_current_object())
                g.lot = g.submitted.lot_id if g.submitted is not None else None
        except DomainError as refusal:
            g.refusal = refusal
            raise
        except Exception as crash:
            g.crash = crash
            raise

    def add(self, item, commit=True):
        proposal = item._proposal
        proposal.target = None
        self._submit(proposal)

    def edit(self, item, commit=True):
        self._submit(item._proposal)

    def delete(self, item, commit=True):
        self._submit(Proposal(act=Act.delete, target=item, child_id=self.kind.child_id(item)))
        return True

    def delete_all(self, items):
        raise PermissionError("a family deletes nothing")


class SectionWidget(FormWidget):
    """The fields of a section, in parts."""

    template = "portal/widgets/section_form.html"


class KindView(SafeModelView):
    """The screens with which a family asks for one kind. Closed: no list, show, download, action or API."""

    kind = None
    add_template = edit_template = "portal/section.html"
    add_widget = edit_widget = SectionWidget
    extra_args = {"base_template": "portal/base.html"}
    add_row_message = edit_row_message = delete_row_message = _l(
        "Sent to the town hall. Nothing changes in your file until it has been accepted."
    )

    def _init_properties(self):
        kind = self.kind
        self.add_columns = self.edit_columns = list(kind.fields)
        self.base_filters = [["id", InMyFamily, kind]]
        super()._init_properties()
        self.search_columns = []
        self._filters = ClosedFilters(self.datamodel.filter_converter_class, self.datamodel, [])

    def _init_forms(self):
        self.search_form = self.search_form or type("NoSearch", (), {})
        form = type(f"{self.kind.name.title()}Form", (self.kind.form,), {"kind": self.kind})
        self.add_form = self.edit_form = form
        super()._init_forms()

    @property
    def database_error_message(self):
        """The sentence of the rule that said no."""
        return str(g.get("refusal") or _("This could not be sent. Please try again."))

    def render_template(self, template, **kwargs):
        widgets = kwargs.get("widgets")
        form = next(iter(widgets.values())).template_args["form"] if widgets else None
        token = getattr(form, "token", None) or {}
        item = g.get("asked_about")
        kwargs.setdefault("kind", self.kind)
        kwargs.setdefault("waiting", self._waiting(form, token))
        kwargs.setdefault("subject", self.kind.about(None, item) if item is not None else "")
        kwargs.setdefault("back_url", back_url(self.kind, self.kind.child_id(item) if item is not None else token.get("child")))
        return super().render_template(template, **kwargs)

    def _waiting(self, form, token):
        """The request that a form shows over the file; a post that must be corrected looks for it again."""
        if form is None or form.waiting is not None or token.get("target") is None or request.method == "GET":
            return form.waiting if form is not None else None
        return waiting_request(self.kind, Act.edit, token["target"], standing().family_id)

    @expose("/add", methods=["GET", "POST"])
    @has_access
    def add(self):
        require(self.kind.noun, "ask")
        return super().add()

    @expose("/edit/<int:pk>", methods=["GET", "POST"])
    @has_access
    def edit(self, pk):
        require(self.kind.noun, "ask")
        answer = super().edit(pk)
        if self.kind.noun is Noun.health and standing().by_clerk:
            note_health_read(int(pk), by=current_user, screen="portal")
        return answer

    @expose("/delete/<int:pk>", methods=["GET", "POST"])
    @has_access
    def delete(self, pk):
        require(self.kind.noun, "ask")
        item = self.datamodel.get(pk, self._base_filters) or abort(404)
        if request.method == "POST":
            return super().delete(pk)
        rows = [
            (self.kind.label(name), self.kind.show(name, value))
            for name, value in self.kind.read(item).items()
            if not self.kind.is_file(name)
        ]
        return self.render_template("portal/remove.html", title=_("Remove %(who)s", who=item), item=item, rows=rows)

    def post_add_redirect(self):
        return self._after(self.add_form, self.add_title, self._get_add_widget)

    def post_edit_redirect(self):
        return self._after(self.edit_form, self.edit_title, self._get_edit_widget)

    def post_delete_redirect(self):
        surface_crash()
        return redirect(sent_url())

    def _after(self, form_class, title, widget):
        """Where a save leads: to the receipt; or, where the rules said no at the last moment, back to what was typed."""
        surface_crash()
        if g.get("refusal") is None:
            return redirect(sent_url())
        form = form_class.refresh(request.form)
        return self.render_template(self.edit_template, title=title, widgets=widget(form=form)), g.refusal.status


def surface_crash():
    """Flask-AppBuilder turns every error into a flash: a fault of ours must stay a fault, logged and shown as one."""
    if g.get("crash") is not None:
        raise g.crash


def sent_url():
    """The page that shows what was just sent."""
    lot = g.get("lot")
    return url_for("RequestsView.lot", lot_id=lot) if lot else url_for("HomeView.home")


def back_url(kind, child):
    """The page that a form was opened from."""
    if kind.tab.group == "account":
        return url_for("AccountView.account")
    if kind.noun is Noun.paper:
        return url_for("PapersView.papers")
    return url_for("ChildrenView.child", child_id=child) if child else url_for("ChildrenView.children")


def view_class(kind):
    """The view class of a kind; its address is /portail/demande/<kind>."""
    interface = type("Interface", (RequestInterface,), {"kind": kind})
    routes = {act.name for act in kind.acts}
    # A wrong password is counted on the account.
    written = REQUESTS | {"ab_user"} if kind.needs_password else REQUESTS
    return type(
        f"Ask_{kind.name}",
        (KindView,),
        {
            "kind": kind,
            "datamodel": interface(kind.model),
            "include_route_methods": routes,
            "writes": dict.fromkeys(("add", "edit", "delete"), written),
            "route_base": f"/portail/demande/{kind.name.replace('_', '-')}",
            "class_permission_name": kind.noun.value,
            "method_permission_name": dict.fromkeys(("add", "edit", "delete"), "ask"),
            "add_title": kind.title,
            "edit_title": kind.title,
        },
    )


def ask_url(kind, act, target=None, child=None, again=None, **more):
    """The address at which a family asks; `again` is a former request to be corrected, `more` what the kind's form reads beside."""
    args = {name: value for name, value in (("pk", target), ("child", child), ("again", again), *more.items()) if value is not None}
    return url_for(f"Ask_{kind.name}.{act.name}", **args)


def register(appbuilder):
    """Add the views of all kinds."""
    for kind in kinds_of_families():
        appbuilder.add_view_no_menu(view_class(kind))
