"""What may families choose from, and what are they asked for? Reasons for an absence, types of paper."""

from sqlalchemy import func, select
from wtforms import BooleanField, IntegerField
from wtforms.validators import NumberRange, Optional

from app.activities.models import Absence, AbsenceReason, Paper, PaperType, PaperValidity, Whose
from app.core import search
from app.core.forms import Choice, LongText, Required, Text
from app.core.i18n import _, _l, _n
from app.extensions import db
from app.security.who_sees_what import Noun
from app.staff.forms import StaffForm
from app.staff.schools import ReferenceEditor
from app.staff.views import StaffView


def _absences(number):
    return _n("%(num)d absence", "%(num)d absences", number)


def _papers(number):
    return _n("%(num)d paper", "%(num)d papers", number)


class AbsenceReasonForm(StaffForm):
    """A reason that a family may choose."""

    title = Text(_l("What the family reads"), longest=60, required=True)
    title_en = Text(_l("The same in English"), longest=60)
    rank = IntegerField(_l("Rank"), [Required(), NumberRange(1, 99, _l("Between 1 and 99."))])
    needs_text = BooleanField(_l("The family says more in its own words"))
    takes_certificate = BooleanField(
        _l("A certificate may follow"), description=_l("It lifts the charge of an absence that was told too late.")
    )
    never_charged = BooleanField(_l("Never charged"), description=_l("However late it was told: the school was closed."))
    open = BooleanField(_l("Families may choose it"))


class AbsenceReasonView(StaffView):
    """Reasons for an absence."""

    noun, model, route_base = Noun.reference, AbsenceReason, "/mairie/motifs-absence"
    route_methods = ("list", "export", "add", "edit", "delete")
    list_title, add_title = _l("Reasons for an absence"), _l("New reason")
    labels = {
        "title": _l("What the family reads"),
        "title_en": _l("In English"),
        "needs_text": _l("With a text"),
        "takes_certificate": _l("With a certificate"),
        "never_charged": _l("Never charged"),
        "open": _l("Can be chosen"),
        "rank": _l("Rank"),
    }
    list_columns = ["title", "title_en", "needs_text", "takes_certificate", "never_charged", "open", "rank"]
    first_sort = (AbsenceReason.rank,)
    editor = ReferenceEditor(AbsenceReason, AbsenceReasonForm, ((Absence.reason_id, _absences),))

    def beginning(self):
        return {"rank": min((db.session.scalar(select(func.max(AbsenceReason.rank))) or 0) + 1, 99), "open": True}


class PaperTypeForm(StaffForm):
    """A paper that the town may ask for."""

    name = Text(_l("Name"), longest=80, required=True)
    name_en = Text(_l("The same in English"), longest=80)
    hint = LongText(_l("What parents read: what is accepted"), longest=500)
    whose = Choice(_l("About"), of=Whose, required=True)
    validity = Choice(_l("How long it is good"), of=PaperValidity, required=True)
    months = IntegerField(
        _l("Months"), [Optional(), NumberRange(1, 120, _l("Between 1 and 120."))], description=_l("For “for some months” alone.")
    )
    asked_of_all = BooleanField(_l("Asked of every family"), description=_l("Otherwise the activities that need it ask for it."))
    health = BooleanField(_l("Health data"), description=_l("Open to those alone who may read health data."))

    def validate(self, extra_validators=None):
        valid = super().validate(extra_validators)
        if self.validity.data == PaperValidity.months.name and self.months.data is None and not self.months.errors:
            self.refuse(_("For how many months is this paper good?"), "months")
            return False
        return valid


class PaperTypeView(StaffView):
    """Types of paper."""

    noun, model, route_base = Noun.reference, PaperType, "/mairie/types-de-pieces"
    route_methods = ("list", "export", "add", "edit", "delete")
    list_title, add_title = _l("Types of paper"), _l("New type of paper")
    labels = {
        "name": _l("Name"),
        "whose": _l("About"),
        "validity": _l("How long it is good"),
        "asked_of_all": _l("Asked of every family"),
        "health": _l("Health data"),
        "hint": _l("What parents read"),
    }
    list_columns = ["name", "whose", "validity", "asked_of_all", "health", "hint"]
    search_columns = ["name", "whose", "validity"]
    search_hint = _l("Name of a paper")
    matches = staticmethod(lambda word: search.contains(PaperType.name, word))
    first_sort = (search.folded(PaperType.name),)
    editor = ReferenceEditor(PaperType, PaperTypeForm, ((Paper.paper_type_id, _papers),))

    def cell_validity(self, row):
        return _n("%(num)d month", "%(num)d months", row.months) if row.validity is PaperValidity.months else row.validity
