"""Who did what? The log, read only: by family, by person, by day."""

from flask_appbuilder import expose
from sqlalchemy import select

from app.audit.models import LogEntry
from app.core import search
from app.core.i18n import _l
from app.extensions import db
from app.families.models import Family
from app.security.models import Account
from app.security.scope import require
from app.security.who_sees_what import FAMILY_ROLE, Noun
from app.staff.parts import Facet, by_id
from app.staff.views import StaffView
from app.staff.words import change_lines, noted, said


def _actors():
    """Everybody of the staff: those who are looked for most."""
    query = select(Account).where(~Account.roles.any(name=FAMILY_ROLE)).order_by(Account.last_name, Account.first_name)
    return [(str(row.id), str(row)) for row in db.session.scalars(query)]


class LogView(StaffView):
    """The log."""

    noun, model, route_base = Noun.log, LogEntry, "/mairie/journal"
    route_methods = ("list", "export", "show")
    list_title = _l("Log")
    labels = {
        "at": _l("When"),
        "actor": _l("Who"),
        "deed": _l("What"),
        "label": _l("Record"),
        "family": _l("Family"),
        "fields": _l("Fields"),
        "verb": _l("Act"),
        "note": _l("Note"),
    }
    list_columns = ["at", "actor", "deed", "label", "family", "fields"]
    search_columns = ["at", "actor", "verb"]
    search_hint = _l("Person, record or family")
    facets = (
        Facet("who", _l("Who"), _actors, by_id(lambda number: LogEntry.account_id == number)),
        Facet("family", _l("Family"), lambda: None, by_id(lambda number: LogEntry.family_id == number)),
    )
    first_sort = (LogEntry.at.desc(), LogEntry.id.desc())

    @staticmethod
    def matches(word):
        families = select(Family.id).where(search.contains(Family.name, word) | search.contains(Family.code, word))
        return search.contains(LogEntry.actor, word) | search.contains(LogEntry.label, word) | LogEntry.family_id.in_(families)

    def _open_facets(self):
        found = super()._open_facets()
        return [(facet, value, options) for facet, value, options in found if options is not None or value]

    def decorate(self, rows):
        found = {
            row.id: row for row in db.session.scalars(select(Family).where(Family.id.in_({row.family_id for row in rows if row.family_id})))
        }
        for row in rows:
            row.family = found.get(row.family_id)

    def cell_deed(self, row):
        return said(row)

    def cell_label(self, row):
        # A request has no name but that of its section.
        return noted(row) if row.noun == "change_request" else row.label or noted(row)

    def cell_family(self, row):
        return row.family

    def cell_fields(self, row):
        return ", ".join(str(line.label) for line in change_lines(row))

    @expose("/<int(max=2147483647):pk>/")
    def show(self, pk):
        require(Noun.log, "read")
        row = self.row(pk)
        self.decorate([row])
        return self.render_template(
            "staff/log_entry.html", title=said(row), entry=row, lines=change_lines(row), note=noted(row), back_url=self.back_url()
        )

    def name_of(self, row):
        return said(row)
