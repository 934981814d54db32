"""What does the town know of a child? What the table of who sees what opens to this household."""

from dataclasses import dataclass

from flask import abort, url_for
from flask_appbuilder import expose
from flask_login import current_user

from app.audit.operations import note_health_read
from app.changes.kinds import KINDS
from app.changes.models import Act
from app.children.vaccines import Valency, required_vaccines
from app.core import clock
from app.core.i18n import _
from app.portal.enrolments import enrolments_of_child
from app.portal.homes import home_of
from app.portal.kinds import ask_url
from app.portal.prices import prices_of
from app.portal.queries import own_child, own_children
from app.portal.sections import additions, has_screen, removal, section_or_none
from app.portal.views import PortalView
from app.security.scope import may, standing
from app.security.who_sees_what import Noun

URGENT = ("asthma", "food_allergies", "drug_allergies", "other_allergies", "what_to_do", "pai", "pai_until", "own_lunch", "pai_document_id")
#: So many of those who opened the health data are shown.
READS = 10


class ChildrenView(PortalView):
    """My children, and a child's page."""

    class_permission_name = Noun.child.value
    method_permission_name = {"children": "read", "child": "read"}

    @expose("/enfants/")
    def children(self):
        self.enter(Noun.child)
        return self.render_template(
            "portal/children.html",
            title=_("My children"),
            children=own_children(archived=True),
            added=additions("new_child"),
            may_see_enrolments=may(Noun.enrolment, "read"),
            may_see_papers=may(Noun.paper, "read"),
        )

    @expose("/enfants/<int:child_id>/")
    def child(self, child_id):
        self.enter(Noun.child)
        child, reads = own_child(child_id, reads=READS if may(Noun.health_reads, "read") else 0)
        if child is None:
            abort(404)
        if standing().by_clerk and may(Noun.health, "read"):
            note_health_read(child.id, by=current_user, screen="portal")
        return self.render_template(
            "portal/child.html", title=str(child), child=child, today=clock.today(), sheets=sheet_urls(child), **sections(child, reads)
        )


def sections(child, reads):
    """The parts of a child's page that the person may see."""
    enrolments = enrolments_of_child(child)
    running = [(one.row.activity, one.row.starts_on) for one in enrolments.running] if enrolments is not None else []
    return {
        "may_book": may(Noun.booking, "ask") and child.archived_at is None,
        "authorisations": section_or_none("authorisations", child),
        "given": given(child),
        "photo": section_or_none("photo", child),
        "complementary": section_or_none("complementary", child),
        "health": Health.of(child),
        "home": home_of(child),
        "school": school(child),
        "enrolments": enrolments,
        "prices": prices_of(child, running),
        "people": people(child),
        "people_added": additions("pickup", child.id),
        "may_add_people": may(Noun.pickup, "ask"),
        "reads": reads if may(Noun.health_reads, "read") else None,
    }


def given(child):
    """{subject: day since which the answer counts}."""
    return {row.subject.name: row.started_on for row in child.authorisations if row.ended_on is None}


@dataclass
class Person:
    """Somebody who may pick up: what is known, and what was asked."""

    row: object
    section: object
    removal: object
    remove_url: str | None


def people(child):
    """Whom this household lets fetch the child; None where the person may not know."""
    if not may(Noun.pickup, "read"):
        return None
    kind, mine = KINDS["pickup"], [row for row in child.pickup_persons if row.family_id == standing().family_id and row.ended_on is None]
    found = []
    for row in mine:
        gone = removal(kind, row)
        url = ask_url(kind, Act.delete, row.id) if may(kind.noun, "ask") and not (gone and gone.request.open) else None
        found.append(Person(row, section_or_none("pickup", row), gone, url))
    return found


@dataclass
class Vaccine:
    """One valency: whether the law asks for it, when it was given, what was asked."""

    label: object
    required: bool
    line: object

    @property
    def missing(self):
        return self.required and not self.line.current


@dataclass
class Health:
    """The fiche sanitaire in its parts: what is urgent first."""

    section: object
    vaccines: list
    urgent: list
    rest: list

    @classmethod
    def of(cls, child):
        """A child's, or None where the person may not know."""
        section = section_or_none("health", child)
        if section is None:
            return None
        required = required_vaccines(child.birth_date)
        ordered = sorted(Valency, key=lambda valency: valency not in required)
        vaccines = [Vaccine(valency.label, valency in required, section[valency.name]) for valency in ordered]
        urgent = [section[name] for name in URGENT]
        rest = [line for line in section.lines if line.name not in URGENT and line.name not in Valency.__members__]
        return cls(section, vaccines, [line for line in urgent if line.current or line.request], rest)

    @property
    def missing(self):
        return [vaccine for vaccine in self.vaccines if vaccine.missing and not vaccine.line.request]


@dataclass
class School:
    """The places in schools, year by year, and what was asked."""

    enrolments: list
    told: list
    edit_url: str | None


def school(child):
    """A child's school years, the latest first; None where the person may not know."""
    section = section_or_none("school", child, fields=False)
    if section is None:
        return None
    enrolments = sorted(child.school_enrolments, key=lambda row: row.school_year.starts_on, reverse=True)
    return School(enrolments, section.told, section.edit_url)


def sheet_urls(child):
    """[(label, address)] of the child's sheet as PDF, once there is such a screen."""
    if not has_screen("SheetView.sheet"):
        return []
    return [
        (_("Child's sheet (PDF)"), url_for("SheetView.sheet", child_id=child.id)),
        (_("Full sheet (PDF)"), url_for("SheetView.sheet", child_id=child.id, version="full")),
    ]
