"""Which rows and columns of the grids can be granted?"""

from sqlalchemy import select
from wtforms import SelectField

from app.billing.models import TariffGrid
from app.core.forms import Required, option
from app.core.i18n import _l
from app.extensions import db


def granted_names():
    """Names of the rows of all grids that are granted, as they are written there, in order."""
    found = {}
    for content in db.session.scalars(select(TariffGrid.content).order_by(TariffGrid.starts_on.desc(), TariffGrid.id.desc())):
        for row in (*content.get("rows", ()), *content.get("columns", ())):
            name = (row.get("category") or "").strip()
            # The row of those who give no proof of income is nothing to grant.
            if name and name != content.get("without_quotient"):
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
