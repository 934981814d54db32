"""What does a form of the staff carry? What it showed, sealed, and where it was opened; it never touches a record."""

from urllib.parse import urlsplit

from flask import g, request
from wtforms import HiddenField, SelectField, StringField
from wtforms.validators import Optional

from app.core.codec import encode
from app.core.encryption import seal, unseal
from app.core.forms import Form, Required, YesNo, option
from app.core.i18n import _, _l
from app.documents.forms import UploadField, put_aside
from app.staff.choices import Ambiguous, label_of, rows_named


class StaffForm(Form):
    """A form that shows a record's values and hands on what was typed as JSON values of core/codec."""

    #: Fields that are not part of the record.
    aside = ("base", "back")
    #: [(title, [names])] where the form reads better in parts; else one part.
    layout = ()
    #: The noun whose readers may open files that come with the form.
    noun = None

    base = HiddenField()
    back = HiddenField()

    def __init__(self, *, key="", shown=None, data=None, family_id=None, child_id=None):
        """`key` names the record that the form is for; `shown` is what it holds, `data` what a new one begins with."""
        self.key, self.family_id, self.child_id = key, family_id, child_id
        super().__init__(data=data or {})
        self.token = (
            self._sent()
            if request.method == "POST"
            else {"key": key, "shown": {name: encode(value) for name, value in (shown or {}).items()}}
        )
        if request.method != "POST":
            self.base.data, self.back.data = seal(self.token), came_from()

    def _sent(self):
        try:
            token = unseal(self.base.data or "")
        except ValueError:
            return None
        return token if token.get("key") == self.key else None

    @property
    def shown(self):
        """What the form showed when it was opened."""
        return self.token["shown"]

    def show_again(self, current):
        """Carry from now on what the record holds now; what was typed stays."""
        self.token = {"key": self.key, "shown": current}
        self.base.data = seal(self.token)

    def validate(self, extra_validators=None):
        valid = super().validate(extra_validators)
        if self.token is None:
            self.refuse(_("This form was opened for something else. What you typed is still here: check it and send it again."))
            self.show_again({})
            return False
        put_aside(self, noun=self.noun, family_id=self.family_id, child_id=self.child_id)
        return valid

    def values(self):
        """{name: JSON value} as typed."""
        return {name: self._value(self[name]) for name in self.field_names() if name not in self.aside}

    def _value(self, field):
        if isinstance(field, UploadField):
            return field.settle(self.shown.get(field.name), self.family_id)
        return encode(field.answer if isinstance(field, YesNo) else field.data)

    def file_name(self, field):
        """The name of the file that a field keeps, if any."""
        if field.removed:
            return ""
        return field.kept["name"] if field.kept else _("The file of the record") if self.token and self.shown.get(field.name) else ""

    @property
    def visible_parts(self):
        """[(title, [fields])] in the order of the screen."""
        parts = self.layout or [("", [name for name in self.field_names() if name not in self.aside])]
        return [(title, fields) for title, names in parts if (fields := [self[name] for name in names if name in self])]


def staff_form(fields, *, layout=(), noun=None, without=(), **more):
    """A StaffForm class with the fields of a section's form, the same checks included."""
    members = {name: item for name, item in fields.unbound() if name not in (*fields.aside, *without)}
    return type(
        fields.__name__, (StaffForm,), {"layout": layout or fields.layout, "noun": noun, "__doc__": fields.__doc__, **members, **more}
    )


def came_from():
    """The page of the staff that a form was opened from, "" if none."""
    found = urlsplit(request.referrer or "")
    inside = found.netloc == request.host and found.path.startswith("/mairie/") and found.path != request.path
    return found.path + (f"?{found.query}" if found.query else "") if inside else ""


def safe_back(url):
    """A page of ours to go back to, or "": a form's field can be forged."""
    parts = urlsplit(url or "")
    return url if not parts.scheme and not parts.netloc and parts.path.startswith("/mairie/") and "\\" not in url else ""


class RowChoice(SelectField):
    """One row of a small table; `rows` gives them, `called` its words. Data is its id."""

    def __init__(self, label=None, validators=(), *, rows, called=str, required=False, blank=_l("choose"), **kwargs):
        super().__init__(
            label,
            [Required() if required else Optional(), *validators],
            coerce=lambda value: int(value) if str(value or "").isdecimal() else None,
            **kwargs,
        )
        self.choices = [option("", blank), *(option(row.id, called(row)) for row in self._once(rows))]

    @staticmethod
    def _once(rows):
        kept = g.setdefault("choices", {})
        if rows not in kept:
            kept[rows] = list(rows())
        return kept[rows]

    def process_data(self, value):
        super().process_data("" if value is None else value)


class RowNamed(StringField):
    """One row of a large table, by its name; a script completes it, the server understands it without. Data is its id."""

    def __init__(self, label=None, validators=(), *, of, required=False, **kwargs):
        self.of, self.typed, self.row_id, self.hints = of, "", None, []
        super().__init__(label, [Required() if required else Optional(), *validators], **kwargs)

    def process_data(self, value):
        self.data, self.typed = value, label_of(self.of, value) if value else ""

    def process_formdata(self, valuelist):
        self.typed = (valuelist[0] if valuelist else "").strip()
        self.data, self.hints = None, []
        if not self.typed:
            return
        try:
            self.data = rows_named(self.of, self.typed)
        except Ambiguous as many:
            self.hints = many.labels
            raise ValueError(str(many)) from many

    def _value(self):
        return self.typed
