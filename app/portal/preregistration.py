"""How does a family come in that the town does not know yet? Steps without an account, kept from the first one on."""

from datetime import date
from functools import wraps

from flask import abort, flash, redirect, request, session, url_for
from flask_appbuilder import BaseView, expose
from werkzeug.datastructures import MultiDict

from app.activities.enrolling import open_activities
from app.changes import preregistration
from app.changes.models import RequestState
from app.children.preregistration import SCHOOL, ChildForm, GuardianForm, OtherAdultForm, WishesForm, name_of
from app.core import clock
from app.core.db import unit_of_work
from app.core.errors import DomainError, NotFound
from app.core.i18n import _, _l, language
from app.core.robots import OpenForm
from app.security import throttle
from app.security.guard import PREREGISTRATION, writes
from app.security.scope import is_family

#: Where the session keeps the name of its pre-registration.
KEY = "preregistration"
#: (step, endpoint, words), in the order of the form.
STEPS = (
    ("guardian", "PreregistrationView.guardian", _l("About you")),
    ("spouse", "PreregistrationView.spouse", _l("Other adult")),
    ("children", "PreregistrationView.children", _l("Children")),
    ("wishes", "PreregistrationView.wishes", _l("What you need")),
    ("papers", "PreregistrationEndView.papers", _l("Papers")),
    ("check", "PreregistrationEndView.check", _l("Check and send")),
)
WORDS = {step: words for step, _endpoint, words in STEPS}
ENDPOINTS = {step: endpoint for step, endpoint, _words in STEPS}
#: The child that is added has no rank yet.
NEW = 0


class FirstForm(OpenForm, GuardianForm):
    """The step that begins: open to the world."""

    aside = ("website", "opened")


# -- the pre-registration of this browser -------------------------------------------------------------------------------------------


def mine(*, lock=False):
    """The Preregistration that this session began or opened by its link, or None."""
    return preregistration.of_key(session.get(KEY), lock=lock)


def begun(view):
    """View decorator: hand over the pre-registration of this session; who has none begins at the beginning."""

    @wraps(view)
    def opened(self, *args, **kwargs):
        row = mine()
        if row is None:
            flash(_("Please begin here. From the first step on, all is kept."), "info")
            return redirect(url_for("PreregistrationView.start"))
        return view(self, row, *args, **kwargs)

    return opened


def change(act, *args, **kwargs):
    """Do something to the pre-registration of this session, locked, in a unit of work of its own; returns what that returns."""
    with unit_of_work():
        row = mine(lock=True)
        if row is None:
            raise NotFound(_("This pre-registration does not exist any more."))
        return act(row, *args, **kwargs)


def kept(form, act, *args):
    """Whether a valid form could be kept; if a rule says no, the form says why."""
    try:
        act(*args)
    except DomainError as refusal:
        form.refuse(refusal)
        return False
    return True


# -- from step to step --------------------------------------------------------------------------------------------------------------


def step_after(step):
    """The address after a step; back to the check for whoever came from there."""
    order = list(ENDPOINTS)
    following = "check" if request.args.get("to") == "check" else order[order.index(step) + 1]
    return url_for(ENDPOINTS[following])


def step_before(step):
    """The address before a step."""
    order = list(ENDPOINTS)
    return url_for(ENDPOINTS[order[order.index(step) - 1]]) if order.index(step) else url_for("PreregistrationView.start")


def opened_form(form, row, step, values, **more):
    """The form of a step: what was posted, or half typed before, or kept, or `values` for a fresh one."""
    if request.method == "POST":
        return form(**more)
    typed = preregistration.drafts_of(row).get(step) if row is not None else None
    return form(formdata=MultiDict(typed), **more) if typed else form(formdata=None, data=form.decoded(values), **more)


def keep_typed(row, step):
    """Keep what cannot be kept as an answer yet, if there is anything."""
    typed = {name: texts for name, texts in request.form.lists() if name not in ("csrf_token", "back", "website", "opened") and any(texts)}
    if typed:
        change(preregistration.keep_draft, step, typed)


class PreregistrationView(BaseView):
    """The steps in which a family says who it is, and what it comes for."""

    route_base = "/preinscription"
    default_view = "start"

    @expose("/")
    def start(self):
        row = mine()
        request_of = preregistration.latest_request(row) if row is not None else None
        days = preregistration.LIFE.days
        return self.render_template("public/preregistration/start.html", row=row, sent=request_of, known=is_family(), days=days)

    @expose("/vous/", methods=["GET", "POST"])
    @writes(PREREGISTRATION)
    def guardian(self):
        row = mine()
        form = opened_form(GuardianForm if row else FirstForm, row, "guardian", row.content.get("guardian") if row else {})
        if request.method == "POST" and form.validate() and (row or form.by_a_person()) and kept(form, _keep_guardian, form):
            return redirect(step_after("guardian"))
        return self.page("guardian", form, row)

    @expose("/autre-adulte/", methods=["GET", "POST"])
    @writes(PREREGISTRATION)
    @begun
    def spouse(self, row):
        if "skip" in request.form:
            change(preregistration.keep_step, "spouse", {})
            return redirect(step_after("spouse"))
        form = opened_form(OtherAdultForm, row, "spouse", row.content.get("spouse") or _same_home(row))
        return self.step("spouse", form, row, lambda values: change(preregistration.keep_step, "spouse", values))

    @expose("/enfants/")
    @begun
    def children(self, row):
        if not row.content.get("children"):
            return redirect(url_for("PreregistrationView.child", rank=NEW, **request.args))
        children = [(name_of(child), date.fromisoformat(child["birth_date"])) for child in row.content["children"]]
        return self.render_page("children", row, title=_("Your children"), children=children, after=step_after("children"))

    @expose("/enfants/<int(min=0):rank>/", methods=["GET", "POST"])
    @writes(PREREGISTRATION)
    @begun
    def child(self, row, rank):
        values, key = _child(row, rank), f"child-{rank}"
        form = opened_form(ChildForm, row, key, values)
        if request.method == "POST" and form.validate() and kept(form, change, _keep_child, rank, form.values()):
            return redirect(url_for("PreregistrationView.children", **request.args))
        if "back" in request.form:
            keep_typed(row, key)
            return redirect(url_for("PreregistrationView.children" if row.content.get("children") else "PreregistrationView.spouse"))
        title = _("Your child") if rank else _("Add a child")
        return self.page("children", form, row, title=title, hint=_("You can add several children, one after the other."))

    @expose("/enfants/<int(min=0):rank>/enlever", methods=["POST"])
    @writes(PREREGISTRATION)
    @begun
    def remove_child(self, row, rank):
        _child(row, rank or abort(404))
        change(_drop_child, rank)
        return redirect(url_for("PreregistrationView.children", **request.args))

    @expose("/besoins/", methods=["GET", "POST"])
    @writes(PREREGISTRATION)
    @begun
    def wishes(self, row):
        offers = [(SCHOOL, _("School enrolment")), *((activity.name, activity.name) for activity in open_activities())]
        form = opened_form(WishesForm, row, "wishes", row.content.get("wishes"), offers=offers)
        return self.step("wishes", form, row, lambda values: change(preregistration.keep_step, "wishes", values))

    # -- what the steps share -------------------------------------------------------------------------------------------------------

    def step(self, step, form, row, keep):
        """The answer to a step: kept and on to the next one; or one back, with what was typed; or its page."""
        if request.method == "POST" and form.validate() and kept(form, keep, form.values()):
            return redirect(step_before(step) if "back" in request.form else step_after(step))
        if "back" in request.form:
            keep_typed(row, step)
            return redirect(step_before(step))
        return self.page(step, form, row)

    def page(self, step, form, row, *, title=None, hint=""):
        """The page of a step with a form."""
        if isinstance(form, OpenForm):
            form.stamp()
        title = title or WORDS[step]
        page = self.render_page(step, row, template="step", form=form, title=title, hint=hint)
        return page, 422 if form.errors else 200

    def render_page(self, step, row, *, template=None, **context):
        """A page with what surrounds every step."""
        return self.render_template(f"public/preregistration/{template or step}.html", **surroundings(step, row), **context)


def surroundings(step, row):
    """What every step's page shows around its own: the steps, until when all is kept, what the town has said."""
    last = preregistration.latest_request(row) if row is not None else None
    return {
        "step": step,
        "steps": [(name, url_for(endpoint), words, _is_done(name, row)) for name, endpoint, words in STEPS],
        "rank": list(ENDPOINTS).index(step) + 1,
        "row": row,
        "before": step_before(step),
        "until": clock.local(preregistration.expires_at(row)).date() if row is not None and row.sent_at is None else None,
        "told": last if last is not None and last.state in (RequestState.sent_back, RequestState.refused) else None,
        "filled": bool(row is not None and row.content.get(step)),
    }


def _is_done(step, row):
    """Whether a step has been answered; that there is no other adult, and that no paper comes, are answers too."""
    return row is not None and (step in row.content if step in ("spouse", "papers") else bool(row.content.get(step)))


def _keep_guardian(form):
    """Keep the first step; the first time it begins a pre-registration, which counts at the door of this network address."""
    if mine() is not None:
        change(preregistration.keep_step, "guardian", form.values())
        return
    with unit_of_work():
        throttle.refuse_who_waits(throttle.PREREGISTRATIONS, lock=True)
        throttle.count(throttle.PREREGISTRATIONS)
        key = preregistration.begin(form.values(), locale=language()).key_hash
    session[KEY] = key


def _same_home(row):
    """What a second adult mostly shares with the first."""
    return {name: value for name, value in row.content["guardian"].items() if name in ("address", "address_more", "postcode", "city")}


def _child(row, rank):
    """The kept values of the child of this rank, from 1; of a new one the family's name. 404 where there is none."""
    children = row.content.get("children") or []
    if rank == NEW:
        return {"last_name": row.name}
    return children[rank - 1] if rank <= len(children) else abort(404)


def _keep_child(row, rank, values):
    children = list(row.content.get("children") or [])
    if rank == NEW:
        children.append(values)
    elif rank <= len(children):
        children[rank - 1] = values
    else:
        raise NotFound(_("This child is not in the list any more."))
    preregistration.keep_step(row, "children", children)
    preregistration.drop_draft(row, f"child-{rank}")


def _drop_child(row, rank):
    children = list(row.content.get("children") or [])
    if rank <= len(children):
        del children[rank - 1]
    preregistration.keep_step(row, "children", children)
    for place in range(1, preregistration.MOST_CHILDREN + 1):
        preregistration.drop_draft(row, f"child-{place}")
