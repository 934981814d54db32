"""What have households been granted? Named rates of the grids, and what others pay for them."""

from flask import request, url_for
from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload
from wtforms import DateField
from wtforms.validators import NumberRange, Optional

from app.billing.models import RateGrant, ThirdPartyShare
from app.children.models import Household
from app.core import clock, search
from app.core.amounts import AmountField, MoreThanNothing, PercentField, as_typed
from app.core.errors import DomainError
from app.core.forms import Required, Text
from app.core.i18n import _, _l
from app.core.money import format_money
from app.extensions import db
from app.families.models import Family
from app.security.who_sees_what import Noun
from app.staff.activities import NotBefore, activities
from app.staff.billing_fields import CategoryField
from app.staff.editors import Editor
from app.staff.forms import RowChoice, RowNamed, StaffForm
from app.staff.income import OfFamily
from app.staff.parts import Facet

LAST = _l("Leave empty if it goes on.")
WHOSE = _l("Leave empty for all its children.")
ORDER = NotBefore("starts_on", _l("The last day does not lie before the first."))


def in_force(model):
    """A list narrowed to what counts today or later."""

    def where(value):
        if value == "all":
            return None
        return model.ends_on < clock.today() if value == "past" else or_(model.ends_on.is_(None), model.ends_on >= clock.today())

    return Facet(
        "when", _l("Shown"), lambda: [("", _("In force or to come")), ("past", _("In the past")), ("all", _("All"))], where, blank=None
    )


def lives_in(family_id, child_id):
    """Raise DomainError where a child (None: all of them) has never lived in a family."""
    here = select(Household.id).where(Household.family_id == family_id, Household.child_id == child_id).limit(1)
    if child_id is not None and db.session.scalar(here) is None:
        raise DomainError(_("This child does not live in this family."))


class HouseholdEditor(Editor):
    """Something of a household, or of one of its children."""

    def create(self, values):
        self._check(values)
        return super().create(values)

    def write(self, row, values):
        self._check({**self.read(row), **values})
        super().write(row, values)

    def _check(self, values):
        lives_in(values.get("family_id"), values.get("child_id"))

    def refuse_to_delete(self, row):
        if row.starts_on <= clock.today():
            raise DomainError(_("It has begun, and bills may rest on it: give it a last day instead."))


class Granted(OfFamily):
    """What counts for a household, or for one of its children, from a day on."""

    noun = Noun.grant
    route_methods = ("list", "export", "add", "edit", "delete")
    labels = {"child": _l("Child"), "starts_on": _l("First day"), "ends_on": _l("Last day")}

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        cls.labels = {**Granted.labels, **cls.labels}
        cls.loads = (joinedload(cls.model.child), *cls.loads)
        cls.facets = (in_force(cls.model),)
        cls.first_sort = (search.folded(_family_name(cls.model)),)
        cls.sorts = {"family": [search.folded(_family_name(cls.model))]}

    def cell_child(self, row):
        return str(row.child) if row.child is not None else _("all its children")

    def after_edit(self, row):
        return url_for(f"{type(self).__name__}.list")

    def beginning(self):
        return {"family_id": request.args.get("family", type=int), "starts_on": clock.today()}


def _family_name(model):
    return select(Family.name).where(Family.id == model.family_id).scalar_subquery()


class GrantForm(StaffForm):
    """A row of the grids with a name, granted to a household or to one child."""

    family_id = RowNamed(_l("Family"), of="famille", required=True)
    child_id = RowNamed(_l("Only this child"), of="enfant", description=WHOSE)
    category = CategoryField(_l("Rate"), description=_l("Rows of the grids that have a name. The quotient does not count then."))
    starts_on = DateField(_l("First day"), [Required()])
    ends_on = DateField(_l("Last day"), [Optional(), ORDER], description=LAST)


class GrantView(Granted):
    """Rates that were granted."""

    model, route_base = RateGrant, "/mairie/tarifs-accordes"
    list_title, add_title = _l("Granted rates"), _l("Grant a rate")
    labels = {"category": _l("Rate")}
    list_columns = ["family", "code", "child", "category", "starts_on", "ends_on"]
    search_columns = ["category", "starts_on", "ends_on"]
    editor = HouseholdEditor(RateGrant, GrantForm)


class ShareForm(StaffForm):
    """A part that somebody else pays."""

    family_id = RowNamed(_l("Family"), of="famille", required=True)
    child_id = RowNamed(_l("Only this child"), of="enfant", description=WHOSE)
    activity_id = RowChoice(_l("Only this activity"), rows=activities, blank=_l("all activities"))
    payer = Text(_l("Who pays"), longest=60, required=True, description=_l("Families read it on their invoice: CCAS, CAF, an employer."))
    percent = PercentField(
        _l("Percentage of each price"),
        [MoreThanNothing(), NumberRange(max=100, message=_l("100 at most."))],
        description=_l("Either a percentage, or an amount."),
    )
    amount = AmountField(_l("Euros of each price, at most"), [MoreThanNothing()])
    starts_on = DateField(_l("First day"), [Required()])
    ends_on = DateField(_l("Last day"), [Optional(), ORDER], description=LAST)

    def validate(self, extra_validators=None):
        valid = super().validate(extra_validators)
        if not (self.percent.errors or self.amount.errors) and (self.percent.data is None) == (self.amount.data is None):
            self.refuse(_("Give a percentage or an amount: one of the two."), "percent")
            return False
        return valid


class ShareView(Granted):
    """What others pay."""

    model, route_base = ThirdPartyShare, "/mairie/prises-en-charge"
    list_title, add_title = _l("Paid by others"), _l("New share of somebody else")
    labels = {"payer": _l("Who pays"), "activity": _l("Activity"), "share": _l("Part")}
    list_columns = ["family", "code", "child", "payer", "share", "activity", "starts_on", "ends_on"]
    search_columns = ["payer", "starts_on", "ends_on"]
    loads = (joinedload(ThirdPartyShare.activity),)
    editor = HouseholdEditor(ThirdPartyShare, ShareForm)

    def cell_activity(self, row):
        return row.activity.name if row.activity is not None else _("all")

    def cell_share(self, row):
        return f"{as_typed(row.percent)}\u00a0%" if row.percent is not None else format_money(row.amount)
