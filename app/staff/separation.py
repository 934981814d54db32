"""How does a clerk separate two adults of a file? A form, then what each will see and have, then it is done."""

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from sqlalchemy import func, select
from wtforms import BooleanField, RadioField

from app.activities.models import Booking, BookingState
from app.billing.overview import columns_of_family
from app.changes.models import OPEN, ChangeRequest
from app.children.models import Weeks
from app.children.separation import OPPOSITE, Home, Pays, Separation, Where, children_here, refuse_unless_separable, separate
from app.core import clock
from app.core.errors import DomainError
from app.core.forms import Choice, Form, PersonName, Postcode, Required, Text, option
from app.core.i18n import _, _l
from app.extensions import db
from app.families.models import Family
from app.security.models import Account, FamilyLink
from app.security.scope import require
from app.security.who_sees_what import Noun
from app.staff.interface import actor, saving
from app.staff.views import screen

ADDRESS = ("address", "address_more", "postcode", "city")
BY_TURNS = [(weeks.name, weeks.label) for weeks in OPPOSITE]


class SeparationForm(Form):
    """Who gets a file of their own, and their new address."""

    leaving = RadioField(_l("Who gets a file of their own?"), [Required()], coerce=lambda value: str(value or ""), validate_choice=False)
    name = Text(_l("Name of the new file"), [PersonName()], description=_l("Left empty, the last name of the adult who gets it."))
    resident = BooleanField(_l("Lives in the commune"))
    address = Text(_l("Address"), longest=120)
    address_more = Text(_l("Building, floor"), longest=120)
    postcode = Text(_l("Postcode"), [Postcode()], longest=5, render_kw={"inputmode": "numeric"})
    city = Text(_l("Town"))

    def children(self):
        """[(Child, its three fields)]."""
        return [(child, [self[f"{part}_{child.id}"] for part in ("where", "weeks", "pays")]) for child in self.here]

    def validate(self, extra_validators=None):
        valid = super().validate(extra_validators)
        if self.leaving.data not in dict(self.leaving.choices):
            self.refuse(_("Please choose one of them."), "leaving")
            valid = False
        for child in self.here:
            if self[f"where_{child.id}"].data == Where.both.name and not self[f"weeks_{child.id}"].data:
                self.refuse(_("Say which weeks %(child)s is in the new file.", child=child.first_name), f"weeks_{child.id}")
                valid = False
        return valid

    def plan(self):
        """What was typed, as a Separation."""
        homes = (
            Home(
                child.id,
                Where[self[f"where_{child.id}"].data],
                Weeks[self[f"weeks_{child.id}"].data or "other"],
                Pays[self[f"pays_{child.id}"].data],
            )
            for child in self.here
        )
        address = {name: self[name].data for name in ADDRESS if self[name].data}
        if address:
            # Another street has no building of the old one; the town stays unless another is typed.
            address.setdefault("address_more", None)
        adult_id = int(self.leaving.data)
        name = self.name.data or next(adult.last_name for adult in self.adults if adult.id == adult_id)
        return Separation(adult_id, name, self.resident.data, tuple(homes), address)


def form_of(family, children):
    """The form for this family: three choices for each child."""
    fields = {}
    for child in children:
        where = _("Where does %(child)s live?", child=child.first_name)
        # Nothing is ticked at first: whoever is in a hurry would let a parent lose sight of a child.
        fields[f"where_{child.id}"] = RadioField(where, [Required()], choices=_options(Where), coerce=_where, validate_choice=False)
        fields[f"weeks_{child.id}"] = Choice(
            _("By turns: which weeks in the new file?"), choices=[option("", _l("choose")), *(option(*pair) for pair in BY_TURNS)]
        )
        fields[f"pays_{child.id}"] = Choice(_("By turns: who pays?"), choices=[option(*pair) for pair in _options(Pays)], required=True)
    first = {f"pays_{child.id}": Pays.each.name for child in children}
    form = type("SeparationOfFamilyForm", (SeparationForm,), fields)(
        data={"leaving": str(family.spouse.id), "resident": family.resident, **first}
    )
    form.adults, form.here = (family.spouse, family.guardian), children
    form.leaving.choices = [(str(adult.id), str(adult)) for adult in form.adults]
    return form


def _where(value):
    return value if value in Where.__members__ else ""


def _options(kind):
    return [(member.name, member.label) for member in kind]


class SeparationView(BaseView):
    """Two adults of a file part."""

    noun = Noun.family
    route_base = "/mairie/familles"
    default_view = "separate"
    class_permission_name = noun.value
    method_permission_name = {"separate": "edit"}

    @expose("/<int(max=2147483647):family_id>/separer", methods=["GET", "POST"])
    @screen
    def separate(self, family_id):
        # It moves accesses and children too.
        require(Noun.account, "edit")
        require(Noun.household, "edit")
        family = db.session.get(Family, family_id) or abort(404)
        try:
            refuse_unless_separable(family)
        except DomainError as refusal:
            flash(str(refusal), "warning")
            return redirect(url_for("FamilyView.family", family_id=family_id), code=303)
        form = form_of(family, [child for child, _household in children_here(family_id)])
        step = request.form.get("step")
        if step in ("preview", "do") and form.validate_on_submit():
            if step == "preview":
                return self._preview(family, form)
            return self._do(family_id, form)
        return self.render_template(
            "staff/separation/form.html", title=_("Separate the adults of %(family)s", family=family.name), family=family, form=form
        ), 422 if form.errors else 200

    def _do(self, family_id, form):
        with saving():
            new = separate(family_id, form.plan(), by=actor())
            new_id, code = new.id, new.code
        flash(_("Done: the new file is %(code)s.", code=code), "success")
        return redirect(url_for("FamilyView.family", family_id=new_id), code=303)

    def _preview(self, family, form):
        plan = form.plan()
        leaving, staying = (family.spouse, family.guardian) if plan.adult_id == family.spouse.id else (family.guardian, family.spouse)
        homes = [(child, next(home for home in plan.homes if home.child_id == child.id)) for child in form.here]
        return self.render_template(
            "staff/separation/preview.html",
            title=_("What changes for whom?"),
            family=family,
            form=form,
            plan=plan,
            leaving=leaving,
            staying=staying,
            guardian_leaves=leaving is family.guardian,
            stay=[_of_old(child, home) for child, home in homes if home.where is not Where.moves],
            lost=[str(child) for child, home in homes if home.where is Where.stays],
            come=[_of_new(child, home) for child, home in homes if home.where is not Where.stays],
            accounts=_accounts(family.id),
            facts=_facts(family.id, [home.child_id for home in plan.homes if home.where is Where.moves]),
            typed=[(name, value) for name, value in request.form.items() if name not in ("csrf_token", "step")],
        )


def _of_old(child, home):
    """What is said of a child in the file that stays."""
    if home.where is Where.stays:
        return str(child)
    return _said(child, OPPOSITE[home.weeks], home.pays is not Pays.leaves)


def _of_new(child, home):
    """What is said of a child in the new file."""
    return str(child) if home.where is Where.moves else _said(child, home.weeks, home.pays is not Pays.stays)


def _said(child, weeks, pays):
    words = {"child": child, "weeks": weeks.label}
    return _("%(child)s: %(weeks)s; this file pays", **words) if pays else _("%(child)s: %(weeks)s; the other file pays", **words)


def _accounts(family_id):
    """{adult's id: the account that acts for the family as this person}."""
    query = select(FamilyLink.adult_id, Account).join(Account, Account.id == FamilyLink.account_id)
    return dict(db.session.execute(query.where(FamilyLink.family_id == family_id, FamilyLink.ended_at.is_(None))).all())


def _facts(family_id, moving):
    """What stays with the file: how much is owed, open requests, days that are booked for children who move."""
    balance, *_rest = columns_of_family(family_id)
    waiting = select(func.count()).where(ChangeRequest.family_id == family_id, ChangeRequest.state.in_(OPEN)).scalar_subquery()
    booked = (
        select(func.count())
        .where(Booking.family_id == family_id, Booking.child_id.in_(moving), Booking.day > clock.today())
        .where(Booking.state == BookingState.booked)
    )
    owed, requests, days = db.session.execute(select(balance, waiting, booked.scalar_subquery())).one()
    return {"owed": owed, "requests": requests, "days": days}
