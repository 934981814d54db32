"""How does the staff type an amount, and which rows of the grids can be granted?"""

from decimal import Decimal

from sqlalchemy import select
from wtforms import SelectField, StringField
from wtforms.validators import Optional, ValidationError

from app.billing.models import TariffGrid
from app.core.codec import decode
from app.core.forms import Required, option
from app.core.i18n import _, _l, number
from app.core.money import parse_amount
from app.extensions import db


class AmountField(StringField):
    """Euros as people type them. Data is a Decimal, None where nothing was typed; what was typed stays."""

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
            raise ValueError(_("An amount is written like 12,50.")) from None

    def _value(self):
        if self.raw_data:
            return self.raw_data[0]
        return number(self.data) if self.data is not None else ""


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


def granted_names():
    """Names of the rows of all grids that are granted, as they are written there, in order."""
    found = {}
    for content in db.session.scalars(select(TariffGrid.content).order_by(TariffGrid.starts_on.desc(), TariffGrid.id.desc())):
        for row in content.get("rows", ()):
            name = (row.get("category") or "").strip()
            if name:
                found.setdefault(name.casefold(), name)
    return sorted(found.values(), key=str.casefold)


class CategoryField(SelectField):
    """A row of the grids that has a name. One that no grid has any more can stay."""

    def __init__(self, label=None, validators=(), **kwargs):
        super().__init__(label, [Required(), *validators], **kwargs)
        self.choices = [option("", _l("choose")), *(option(name, name) for name in granted_names())]

    def process_data(self, value):
        super().process_data(value or "")
        known = {choice.value.casefold(): choice.value for choice in self.choices if choice.value}
        if value and value.casefold() not in known:
            self.choices.append(option(value, value))
        elif value:
            self.data = known[value.casefold()]
