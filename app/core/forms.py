"""How do we read what people type? Fields and validators without a business word."""

import re
import unicodedata

from email_validator import EmailNotValidError, validate_email
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField, TextAreaField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length, Optional, StopValidation

from app.core import clock, telephones
from app.core.i18n import _, _l


def squeeze(text):
    """Text without spaces around it, doubled ones, or characters that cannot be printed; None for nothing.

    Accents come as one character with their letter, and every space of Unicode as a plain one: what is pasted has others.
    """
    if text is None:
        return None
    text = "".join(" " if unicodedata.category(char)[0] == "Z" else char for char in unicodedata.normalize("NFC", text))
    text = "".join(char for char in text if char.isprintable() or char in "\n\t")
    return re.sub(r"[ \t]+", " ", text).strip() or None


def row_id(text):
    """The number of a row in an address; ValueError for one that no database can hold."""
    number = int(text)
    if not 0 < number < 2**31:
        raise ValueError(text)
    return number


def named_id(text):
    """The same, or None where a text names no row."""
    try:
        return row_id(text)
    except (TypeError, ValueError):
        return None


def option(value, label):
    """One entry of a select field."""
    return SelectChoice(value=value, label=label)


class Form(FlaskForm):
    """A form with the CSRF token of the session."""

    @classmethod
    def unbound(cls):
        """[(name, unbound field)] in the order of the class body."""
        return list(cls._unbound_by_name().items())

    @classmethod
    def _unbound_by_name(cls):
        # Looked up for every label of every list, so kept on the class.
        if "_kept_unbound" not in vars(cls):
            found = {}
            for klass in reversed(cls.__mro__):
                found.update({name: item for name, item in vars(klass).items() if hasattr(item, "creation_counter")})
            cls._kept_unbound = dict(sorted(found.items(), key=lambda item: item[1].creation_counter))
        return cls._kept_unbound

    @classmethod
    def field_names(cls):
        """The names of the fields, in order."""
        return [name for name, _field in cls.unbound()]

    @classmethod
    def required_names(cls):
        """The names of the fields that must be filled in."""
        return [
            name
            for name, field in cls.unbound()
            if field.kwargs.get("required") or any(isinstance(check, Required) for check in _checks(field))
        ]

    @classmethod
    def label_of(cls, name):
        """The label of a field, for people."""
        field = cls._unbound_by_name().get(name)
        if field is None:
            return name
        return field.kwargs.get("label") or (field.args[0] if field.args else name)

    def refuse(self, sentence, name=None):
        """Attach a sentence to a field, or to the whole form."""
        if name is None:
            self.form_errors.append(str(sentence))
        else:
            self[name].errors = [*self[name].errors, str(sentence)]


def _checks(field):
    return field.kwargs.get("validators") or (field.args[1] if len(field.args) > 1 else ())


class Text(StringField):
    """One line of at most `longest` characters."""

    def __init__(self, label=None, validators=(), *, longest=80, required=False, **kwargs):
        checks = [Length(max=longest, message=_l("At most %(max)d characters."))]
        super().__init__(label, [Required() if required else Optional(), *checks, OneLine(), *validators], filters=[squeeze], **kwargs)


class LongText(TextAreaField):
    """Several lines, of at most `longest` characters."""

    def __init__(self, label=None, validators=(), *, longest=2000, required=False, **kwargs):
        checks = [Length(max=longest, message=_l("At most %(max)d characters."))]
        super().__init__(label, [Required() if required else Optional(), *checks, *validators], filters=[squeeze], **kwargs)


class Choice(SelectField):
    """One member of a Labelled enum, or none where `blank` has a label. Data is the member's name."""

    def __init__(self, label=None, validators=(), *, of=None, blank=None, required=False, **kwargs):
        choices = [option("", blank or _l("choose"))] + [option(member.name, member.label) for member in of or ()]
        kwargs.setdefault("choices", choices)
        super().__init__(label, [Required() if required else Optional(), *validators], filters=[lambda value: value or None], **kwargs)

    def process_data(self, value):
        super().process_data("" if value is None else getattr(value, "name", value))


class YesNo(SelectField):
    """Yes, no, or not answered; never a box that may have been overlooked. Data is True, False or None."""

    def __init__(self, label=None, validators=(), *, required=False, **kwargs):
        choices = [option("", _l("not answered")), option("yes", _l("yes")), option("no", _l("no"))]
        super().__init__(label, [Answered()] if required else [Optional()], choices=choices, **kwargs)

    def process_data(self, value):
        self.data = {True: "yes", False: "no"}.get(value, "")

    @property
    def answer(self):
        return {"yes": True, "no": False}.get(self.data)


class Required:
    """Something must be typed."""

    field_flags = {"required": True}

    def __call__(self, form, field):
        if field.data is None or (isinstance(field.data, str) and not field.data.strip()):
            # What was typed and could not be read has said so already.
            if field.process_errors and any(str(typed).strip() for typed in field.raw_data or ()):
                raise StopValidation
            field.errors = []
            raise StopValidation(_("Please fill this in."))


class Answered(Required):
    """A yes or a no must be chosen."""

    def __call__(self, form, field):
        if field.answer is None:
            raise StopValidation(_("Please answer yes or no."))


class OneLine:
    """No line break in a line."""

    def __call__(self, form, field):
        if field.data and "\n" in field.data:
            raise ValidationError(_("Only one line, please."))


class Phone:
    """A telephone number that can exist; kept as +33…, shown as people write it."""

    def __call__(self, form, field):
        if not field.data:
            return
        number = telephones.kept(field.data)
        if number is None:
            raise ValidationError(_("This is not a telephone number, for instance 06 12 34 56 78."))
        field.data = number


class Email:
    """An address that can exist; the network is not asked."""

    def __call__(self, form, field):
        if not field.data:
            return
        try:
            field.data = validate_email(field.data, check_deliverability=False, test_environment=True).normalized
        except EmailNotValidError as problem:
            raise ValidationError(_("This is not an e-mail address, for instance name@example.fr.")) from problem


class Postcode:
    """Five digits of a French postcode."""

    def __call__(self, form, field):
        if field.data and not re.fullmatch(r"(?!00)\d{5}", field.data):
            raise ValidationError(_("A postcode has 5 digits, for instance 77181."))


class PersonName:
    """A name as registers have it: letters, spaces, hyphens, apostrophes."""

    def __call__(self, form, field):
        # Some letters have no accented character of their own: the accent follows them.
        if field.data and not all(char.isalpha() or unicodedata.combining(char) or char in " -'’." for char in field.data):
            raise ValidationError(_("A name has letters, hyphens and apostrophes only."))


class InThePast:
    """A day that has come, and not more than `years` ago."""

    def __init__(self, years=120):
        self.years = years

    def __call__(self, form, field):
        if field.data is None:
            return
        if field.data > clock.today():
            raise ValidationError(_("This date lies in the future."))
        if clock.today().year - field.data.year > self.years:
            raise ValidationError(_("This date is too long ago."))
