"""Which lists does the town keep? Schools, school years, classes, sentences for refusals."""

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload
from wtforms import BooleanField, DateField, IntegerField
from wtforms.validators import NumberRange, Regexp

from app.changes.models import RefusalReason
from app.children.models import School, SchoolClass, SchoolEnrolment, SchoolYear
from app.children.queries import all_schools
from app.core import search
from app.core.errors import DomainError
from app.core.forms import LongText, Phone, Required, Text
from app.core.i18n import _, _l, _n
from app.extensions import db
from app.security.who_sees_what import Noun
from app.staff.editors import Editor
from app.staff.forms import RowChoice, StaffForm
from app.staff.views import StaffView


class ReferenceEditor(Editor):
    """A row of a list of the town: deleted while nothing belongs to it. `used_by`: [(column that names it, what they are called)]."""

    def __init__(self, model, form, used_by=()):
        super().__init__(model, form)
        self.used_by = used_by

    def refuse_to_delete(self, row):
        for column, count_of in self.used_by:
            number = db.session.scalar(select(func.count()).where(column == row.id))
            if number:
                raise DomainError(_("“%(name)s” cannot be deleted: %(what)s still belong to it.", name=row, what=count_of(number)))


def _classes(number):
    return _n("%(num)d class", "%(num)d classes", number)


def _places(number):
    return _n("%(num)d school place", "%(num)d school places", number)


class SchoolForm(StaffForm):
    """A school."""

    name = Text(_l("Name"), required=True)
    uai = Text(
        _l("UAI"),
        [Regexp(r"^\d{7}[A-Za-z]$", message=_l("An UAI has 7 digits and a letter, for instance 0771234A."))],
        longest=8,
        description=_l("The State's identifier."),
    )
    address = Text(_l("Address"), longest=120)
    phone = Text(_l("Telephone"), [Phone()], longest=20)
    open = BooleanField(_l("Takes children"), default=True)


class SchoolView(StaffView):
    """Schools."""

    noun, model, route_base = Noun.reference, School, "/mairie/ecoles"
    route_methods = ("list", "export", "add", "edit", "delete")
    list_title, add_title = _l("Schools"), _l("New school")
    labels = {"name": _l("Name"), "uai": _l("UAI"), "address": _l("Address"), "phone": _l("Telephone"), "open": _l("Takes children")}
    list_columns = ["name", "uai", "address", "phone", "open"]
    first_sort = (search.folded(School.name),)
    editor = ReferenceEditor(School, SchoolForm, ((SchoolClass.school_id, _classes), (SchoolEnrolment.school_id, _places)))

    def beginning(self):
        return {"open": True}


class YearForm(StaffForm):
    """A school year."""

    name = Text(_l("Name"), [Regexp(r"^\d{4}-\d{4}$", message=_l("For instance 2026-2027."))], longest=9, required=True)
    starts_on = DateField(_l("First day"), [Required()])
    ends_on = DateField(_l("Last day"), [Required()])
    enrolling = BooleanField(_l("Families may ask for a place"))


class YearView(StaffView):
    """School years."""

    noun, model, route_base = Noun.reference, SchoolYear, "/mairie/annees-scolaires"
    route_methods = ("list", "export", "add", "edit", "delete")
    list_title, add_title = _l("School years"), _l("New school year")
    labels = {"name": _l("Name"), "starts_on": _l("First day"), "ends_on": _l("Last day"), "enrolling": _l("Families may ask for a place")}
    list_columns = ["name", "starts_on", "ends_on", "enrolling"]
    first_sort = (SchoolYear.starts_on.desc(),)
    editor = ReferenceEditor(SchoolYear, YearForm, ((SchoolClass.school_year_id, _classes), (SchoolEnrolment.school_year_id, _places)))


def _years():
    return db.session.scalars(select(SchoolYear).order_by(SchoolYear.starts_on.desc())).all()


class ClassForm(StaffForm):
    """A class of a school in a year."""

    school_id = RowChoice(_l("School"), rows=all_schools, required=True)
    school_year_id = RowChoice(_l("School year"), rows=_years, required=True)
    name = Text(_l("Name"), longest=40, required=True)
    teacher = Text(_l("Teacher"))


class ClassView(StaffView):
    """Classes."""

    noun, model, route_base = Noun.reference, SchoolClass, "/mairie/classes"
    route_methods = ("list", "export", "add", "edit", "delete")
    list_title, add_title = _l("Classes"), _l("New class")
    labels = {"name": _l("Name"), "school": _l("School"), "school_year": _l("School year"), "teacher": _l("Teacher")}
    list_columns = ["name", "school", "school_year", "teacher"]
    search_columns = ["name", "teacher"]
    loads = (joinedload(SchoolClass.school), joinedload(SchoolClass.school_year))
    first_sort = (SchoolClass.school_year_id.desc(), SchoolClass.school_id, SchoolClass.name)
    editor = ReferenceEditor(SchoolClass, ClassForm, ((SchoolEnrolment.school_class_id, _places),))


class ReasonForm(StaffForm):
    """A sentence that is kept ready for refusals."""

    title = Text(_l("Short title"), longest=60, required=True, description=_l("What the clerk sees on the button."))
    sentence = LongText(_l("What the family reads"), longest=1000, required=True)
    sentence_en = LongText(_l("The same in English"), longest=1000)
    rank = IntegerField(
        _l("Rank"), [Required(), NumberRange(1, 99, _l("Between 1 and 99."))], description=_l("The first nine have the keys 1 to 9.")
    )


class ReasonEditor(ReferenceEditor):
    """A sentence for refusals: requests keep their own copy."""

    def decode(self, name, value):
        return (value or "") if name == "sentence_en" else super().decode(name, value)


class RefusalReasonView(StaffView):
    """Sentences for refusals."""

    noun, model, route_base = Noun.reference, RefusalReason, "/mairie/motifs"
    route_methods = ("list", "add", "edit", "delete")
    list_title, add_title = _l("Reasons for a refusal"), _l("New reason")
    labels = {"rank": _l("Rank"), "title": _l("Short title"), "sentence": _l("What the family reads")}
    list_columns = ["title", "sentence", "rank"]
    first_sort = (RefusalReason.rank,)
    editor = ReasonEditor(RefusalReason, ReasonForm)

    def beginning(self):
        return {"rank": (db.session.scalar(select(func.max(RefusalReason.rank))) or 0) + 1}
