"""What does a family that the town does not know yet tell it? The forms of its steps, made of those of the file, and how they read."""

from datetime import date

from wtforms import DateField, SelectMultipleField
from wtforms.validators import Optional
from wtforms.widgets import CheckboxInput, ListWidget

from app.changes.forms import Part
from app.changes.kinds import KINDS
from app.children.changes import NewChildForm
from app.children.queries import current_year, years_to_enrol
from app.core.codec import encode
from app.core.enums import Labelled
from app.core.forms import Choice, Form, LongText, Text, option
from app.core.i18n import _, _l, date_text
from app.documents.forms import UploadField
from app.families.changes import AdultForm

#: A wish that is no activity.
SCHOOL = "school"


class StepForm(Form):
    """One step: fields in parts, whose values are JSON values of core/codec."""

    layout = ()
    #: Fields that are no answer of the family.
    aside = ()
    #: The kind of request whose fields these are; it says how their values read.
    of_kind = None

    @property
    def visible_parts(self):
        """The Parts in the order of the screen."""
        own = self.layout or (("", self.field_names()),)
        return [Part(title, [self[name] for name in names]) for title, names in own]

    def values(self):
        """{field: JSON value} of what was typed, without what was left empty."""
        found = {name: encode(self[name].data) for name in self.field_names() if name not in self.aside}
        return {name: value for name, value in found.items() if value not in (None, [])}

    @classmethod
    def decoded(cls, values):
        """{field: Python value} for a form that shows kept values again."""
        return {name: cls.decode(name, value) for name, value in (values or {}).items() if name in cls.field_names()}

    @classmethod
    def decode(cls, name, value):
        """A field's Python value."""
        return KINDS[cls.of_kind].decode(name, value)

    @classmethod
    def show(cls, name, value):
        """A JSON value as people read it."""
        return KINDS[cls.of_kind].show(name, value)


def fields_of(section):
    """{name: unbound field} of a section of the file, without what surrounds it."""
    return {name: item for name, item in section.unbound() if name not in section.aside}


class GuardianForm(type("GuardianFields", (StepForm,), fields_of(AdultForm))):
    """The adult in whose name the file will be. The town must be able to reach them."""

    layout, of_kind = AdultForm.layout, "guardian"

    def validate(self, extra_validators=None):
        valid = super().validate(extra_validators)
        if not (self.mobile.data or self.phone.data or self.work_phone.data or self.mobile.errors or self.phone.errors):
            self.refuse(_("Give one telephone number, so that the town hall can reach you."), "mobile")
            return False
        return valid


class OtherAdultForm(type("OtherAdultFields", (StepForm,), fields_of(AdultForm))):
    """The other adult of the household."""

    layout, of_kind = AdultForm.layout, "spouse"


class ChildForm(type("ChildFields", (StepForm,), fields_of(NewChildForm))):
    """One child."""

    of_kind = "new_child"


class ContactWish(Labelled):
    """How the town should answer."""

    email = "email", _l("by e-mail")
    phone = "phone", _l("by telephone")
    either = "either", _l("either will do")


class WishesForm(StepForm):
    """What the family comes for. The services are told by `offers`: (value, words)."""

    school_year = Choice(_l("For which school year?"), required=True)
    services = SelectMultipleField(
        _l("What do you need?"), [Optional()], widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )
    starts_on = DateField(_l("From which day?"), [Optional()])
    contact = Choice(_l("How should we answer you?"), of=ContactWish)
    reachable = Text(_l("When can we call you?"), longest=120)
    note = LongText(
        _l("What else should we know?"),
        longest=1000,
        description=_l("Nothing about health, please: you will fill that in later, on a protected page."),
    )

    def __init__(self, *args, offers=(), **kwargs):
        super().__init__(*args, **kwargs)
        self.school_year.choices = [option("", _("choose")), *(option(name, name) for name in year_names(self.school_year.data))]
        # What was ticked stays, though the town may have closed it since.
        kept = [(name, name) for name in self.services.data or () if name not in dict(offers)]
        self.services.choices = [option(value, words) for value, words in (*offers, *kept)]

    @classmethod
    def decode(cls, name, value):
        if name == "starts_on":
            return date.fromisoformat(value) if value else None
        return ContactWish[value] if name == "contact" and value else value

    @classmethod
    def show(cls, name, value):
        if name == "services":
            return ", ".join(_("School enrolment") if one == SCHOOL else one for one in value or ())
        value = cls.decode(name, value)
        if isinstance(value, date):
            return date_text(value, "long")
        return str(value.label) if isinstance(value, ContactWish) else value or ""


def year_names(chosen=None):
    """The school years that a new family may come for, soonest first; the one that was chosen stays."""
    years = years_to_enrol() or [year for year in (current_year(),) if year is not None]
    names = [year.name for year in years] or [_("this school year"), _("the next school year")]
    return names if chosen in (None, "", *names) else [chosen, *names]


class PapersForm(Form):
    """What may be sent along."""

    address_proof = UploadField(_l("Proof of address, not older than 3 months"))
    record_book = UploadField(_l("Family record book, or the children’s birth certificates"))
    record_book_more = UploadField(_l("Another page of it"))
    custody = UploadField(_l("Judgment about the custody, if there is one"))


#: The form of each step that has one.
FORMS = {"guardian": GuardianForm, "spouse": OtherAdultForm, "children": ChildForm, "wishes": WishesForm}


def lines_of(step, values):
    """[(label, words)] of the kept values of a step, in the order of its form; of "children" one child's values."""
    form = FORMS[step]
    ordered = [name for _title, names in form.layout for name in names] or form.field_names()
    shown = [(form.label_of(name), form.show(name, values[name])) for name in ordered if values.get(name) is not None]
    return [line for line in shown if line[1] != ""]


def name_of(values):
    """ "Léa Galbert", of an adult's or a child's kept values."""
    return " ".join(filter(None, (values.get("first_name"), values.get("last_name"))))


def paper_names():
    """{field of PapersForm: its words}."""
    return {name: PapersForm.label_of(name) for name in PapersForm.field_names()}
