"""How do people type an amount of money? A field of a form: euros, with a comma or a point."""

from decimal import Decimal

from flask_babel import get_locale
from wtforms import StringField
from wtforms.validators import Optional, ValidationError

from app.core.codec import decode
from app.core.forms import Required
from app.core.i18n import _, _l
from app.core.money import parse_amount


class AmountField(StringField):
    """Euros as people type them. Data is a Decimal, None where nothing was typed; what was typed stays."""

    wrong = _l("An amount is written like 12,50.")

    def __init__(self, label=None, validators=(), *, required=False, **kwargs):
        kwargs.setdefault("render_kw", {"inputmode": "decimal", "maxlength": "16", "autocomplete": "off"})
        super().__init__(label, [Required() if required else Optional(), *validators], **kwargs)

    def process_data(self, value):
        self.data = decode(Decimal, value)

    def process_formdata(self, valuelist):
        typed, self.data = (valuelist[0] if valuelist else "").strip(), None
        if not typed:
            return
        try:
            self.data = parse_amount(typed)
        except ValueError:
            raise ValueError(str(self.wrong)) from None

    def _value(self):
        if self.raw_data:
            return self.raw_data[0]
        return "" if self.data is None else as_typed(self.data)


class PercentField(AmountField):
    """A percentage as people type it, to the hundredth: 50, or 33,33 %."""

    wrong = _l("A percentage is written like 50 or 33,33.")

    def process_formdata(self, valuelist):
        super().process_formdata([typed.strip().removesuffix("%") for typed in valuelist])


def as_typed(amount):
    """An amount as somebody would type it: 720, or 1050,50; without spaces, so that it can be read again."""
    whole = amount == amount.to_integral_value()
    text = format(amount, ".0f" if whole else ".2f")
    return text.replace(".", get_locale().number_symbols["latn"]["decimal"])


class AmountRange:
    """An amount between two others."""

    def __init__(self, least, most):
        self.least, self.most = Decimal(least), Decimal(most)

    def __call__(self, form, field):
        if field.data is not None and not self.least <= field.data <= self.most:
            raise ValidationError(
                _("An amount between %(least)s and %(most)s euros.", least=as_typed(self.least), most=as_typed(self.most))
            )


class MoreThanNothing:
    """An amount above zero."""

    def __call__(self, form, field):
        if field.data is not None and field.data <= 0:
            raise ValidationError(_("More than 0."))


class NotNothing:
    """An amount that changes something."""

    def __call__(self, form, field):
        if field.data is not None and field.data == 0:
            raise ValidationError(_("0 changes nothing."))
