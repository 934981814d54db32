"""How does a test write a price table? Through the screen, field by field, as a clerk's browser sends it; or as a file."""

import io

from lxml import html
from sqlalchemy import select

from app.billing.grids import grid_from_json
from app.billing.models import TariffGrid
from app.extensions import db


class Screen:
    """A browser without a script on the screen of a price table."""

    def __init__(self, client, activity, url=None):
        self.client, self.activity = client, activity
        self.url = url or f"/mairie/tarifs/nouveau?activity={activity}"
        self.response = client.get(self.url)
        self._read()

    def _read(self):
        self.page = html.fromstring(self.response.text)
        forms = self.page.xpath('//form[@id="tariff"]')
        self.fields = {}
        for field in forms[0].xpath(".//input | .//select | .//textarea") if forms else ():
            if field.get("name") and (field.get("type") != "checkbox" or field.get("checked") is not None):
                self.fields.setdefault(field.get("name"), []).append(field.value or "")

    def press(self, do, **typed):
        """Type into fields and press a button; what comes back is read."""
        self.fill(**typed)
        self.response = self.client.post(self.url, data={**self.fields, "do": do})
        self._read()
        return self

    def fill(self, **typed):
        for name, value in typed.items():
            self.fields[name.replace("__", "-")] = value if isinstance(value, list) else [value]
        return self

    def table(self, columns, rows):
        """Type a table: titles of columns, {title of the row: texts of its cells}; rows and columns are added as they are needed."""
        while self.count("columns") < len(columns):
            self.press("add-column")
        while self.count("columns") > len(columns):
            self.press(f"drop-column-{self.count('columns') - 1}")
        while self.count("rows") < len(rows):
            self.press("add-row")
        for number, title in enumerate(columns):
            self.fill(**{f"column-{number}-title": title})
        for row, (title, cells) in enumerate(rows.items()):
            self.fill(**{f"row-{row}-title": title})
            for column, text in enumerate(cells):
                self.fill(**{f"cell-{row}-{column}": text or ""})
        return self

    def rule(self, kind, change, value, **more):
        """Add a rule below the table."""
        number = self.count("rules")
        self.press("add-rule")
        named = {"kind": kind, "change": change, "value": value, **more}
        return self.fill(**{f"rule-{number}-{name}": text for name, text in named.items()})

    def count(self, what):
        return int(self.fields[what][0])

    @property
    def errors(self):
        return [" ".join(item.text_content().split()) for item in self.page.xpath('//*[@id="errors"]//li')]

    @property
    def meanings(self):
        """What stands below each title."""
        return [" ".join(item.text_content().split()) for item in self.page.xpath("//details/summary")]


def upload(client, activity, text, **values):
    """Send a file; returns the Screen that shows what it holds."""
    screen = Screen(client, activity)
    data = {"file": (io.BytesIO(text.encode()), "tarifs.csv"), **values}
    screen.response = client.post(f"/mairie/tarifs/nouveau/fichier?activity={activity}", data=data)
    screen._read()
    return screen


def kept(app, activity):
    """{first day: Grid} of an activity, from the database."""
    with app.test_request_context("/"):
        rows = db.session.scalars(select(TariffGrid).where(TariffGrid.activity_id == activity)).all()
        return {row.starts_on.isoformat(): grid_from_json(row.content) for row in rows}
