"""What does the sheet of a pre-registration look like on paper? Blank, to be filled in by hand; or filled in, to be signed."""

from app.children.preregistration import FORMS, SCHOOL, paper_names, year_names
from app.core import clock
from app.core.i18n import _
from app.documents.pdf import render_pdf

#: Children for whom the blank sheet has room.
ROOM = 3


def sheet_pdf(content=None, *, services=(), papers=(), number=""):
    """The sheet as a PDF, outside any unit of work: of what was filled in, or blank. `services` are the names of what may be asked for."""
    content = content or {}
    children = content.get("children") or [{}] * ROOM
    return render_pdf(
        "preregistration",
        guess=2,
        filled=bool(content),
        number=number,
        guardian=_lines("guardian", content.get("guardian")),
        spouse=_lines("spouse", content.get("spouse")) if content.get("spouse") or not content else None,
        children=[_lines("children", child) for child in children],
        years=_years(content),
        services=_services(content, services),
        wishes=_lines("wishes", content.get("wishes"), without=("school_year", "services", "note")),
        note=(content.get("wishes") or {}).get("note", ""),
        papers=[(title, title in papers) for title in map(str, paper_names().values())],
        printed_on=clock.today(),
    )


def _lines(step, values, without=()):
    """[(label, words)] of every field of a step, in the order of its form; "" where nothing was said."""
    form = FORMS[step]
    names = [name for _title, fields in form.layout for name in fields] or form.field_names()
    shown = {name: (values or {}).get(name) for name in names if name not in without}
    return [(form.label_of(name), form.show(name, value) if value is not None else "") for name, value in shown.items()]


def _years(content):
    chosen = (content.get("wishes") or {}).get("school_year")
    return [(name, name == chosen) for name in year_names(chosen)]


def _services(content, offered):
    """[(words, whether it is ticked)] of what may be asked for, school first."""
    wanted = (content.get("wishes") or {}).get("services") or []
    names = [SCHOOL, *dict.fromkeys([*offered, *(name for name in wanted if name != SCHOOL)])]
    return [(_("School enrolment") if name == SCHOOL else name, name in wanted) for name in names]
