"""How does a family come to be that the town does not know yet? A pre-registration is a request; accepted, it makes the whole file."""

from sqlalchemy import select, update

from app.changes.forms import SectionForm
from app.changes.kinds import KINDS, Finding, Kind, Tab, register
from app.changes.models import Act, Lane
from app.changes.notices import reader_of_lot
from app.children.alike import alike, known_children
from app.children.models import Child, Weeks
from app.children.operations import add_child, share_child
from app.children.preregistration import lines_of, name_of
from app.core import clock
from app.core.errors import DomainError
from app.core.forms import LongText
from app.core.i18n import _, _l
from app.documents.models import StoredFile
from app.documents.operations import keep
from app.extensions import db
from app.families.models import Adult, AdultRole, Family
from app.families.operations import new_family
from app.mail.operations import queue_mail
from app.security.operations import invite
from app.security.who_sees_what import Noun


class PreregistrationForm(SectionForm):
    """The parts of a pre-registration. Each is a form of its own, filled in step by step before there is a family."""

    guardian = LongText(_l("Guardian"), required=True)
    spouse = LongText(_l("Other adult"))
    children = LongText(_l("Children"), required=True)
    wishes = LongText(_l("What for"))


@register
class PreregistrationAsked(Kind):
    """A family that asks to be known: its adults, its children, what it comes for, its papers. Never in bulk."""

    name, noun, tab = "preregistration", Noun.preregistration, Tab.preregistrations
    title = _l("Pre-registration")
    model = Family
    form = PreregistrationForm
    acts = frozenset({Act.add})
    bulk, secret = False, True

    def of_family(self, family_id):
        return Family.id == family_id

    def child_id(self, target):
        return None

    # -- what it does ---------------------------------------------------------------------------------------------------------------

    def create(self, values, *, request):
        """A new file; or, as the clerk added, children for the file that there is (`joins`, `only`), or shared with it (`shares`)."""
        joined, shared = values.get("joins"), dict(values.get("shares") or ())
        family = _known(joined) if joined else _new(values)
        for place, child in enumerate(values["children"]):
            if place in shared:
                _share(shared[place], values["with"], family)
            elif not joined or place in values["only"]:
                add_child(family.id, _decoded("new_child", child))
        request.family_id = request.lot.family_id = family.id
        keep(request.files)
        db.session.execute(update(StoredFile).where(StoredFile.id.in_(request.files)).values(family_id=family.id))
        # Told here, with the code that is kept nowhere.
        request.notified_at = clock.now()
        if reader_of_lot(request.lot) is not None:
            _tell(request.lot, family, joined)
        return family

    def check(self, request, target):
        findings = []
        if not request.files:
            findings.append(Finding(Lane.papers, _("No paper came with it: no proof of address, no record book.")))
        if found := alike(asked_of(request)):
            findings.append(Finding(Lane.look, _("The town may know this family already: %(family)s.", family=found[0].family)))
        return findings

    # -- how it reads -----------------------------------------------------------------------------------------------------------------

    def parts(self, request):
        asked = asked_of(request)
        found = [(_("Guardian"), lines_of("guardian", asked["guardian"]))]
        if asked.get("spouse"):
            found.append((_("Other adult"), lines_of("spouse", asked["spouse"])))
        for number, child in enumerate(asked["children"], 1):
            found.append((_("Child %(number)d", number=number), lines_of("children", child)))
        return [*found, (_("What for"), lines_of("wishes", asked.get("wishes") or {}))]

    def show(self, name, value):
        if not value:
            return ""
        if name in ("guardian", "spouse"):
            return name_of(value)
        if name == "children":
            return ", ".join(name_of(child) for child in value)
        return ", ".join(words for _label, words in lines_of("wishes", value)) if name == "wishes" else ""

    def about(self, request, target):
        return self.show("children", asked_of(request).get("children"))


def asked_of(request):
    """{part: what the family says} of a pre-registration that was sent."""
    return {name: pair["after"] for name, pair in request.changes.items()}


def _decoded(kind, values):
    kind = KINDS[kind]
    return {name: kind.decode(name, values.get(name)) for name in kind.fields if values.get(name) is not None}


def _new(values):
    """The family with its adults, as the form names them."""
    family = new_family(values["guardian"]["last_name"])
    for role in AdultRole:
        if given := values.get(role.value):
            family.adults.append(Adult(role=role, **_decoded(role.value, given)))
    db.session.flush()
    return family


def _known(family_id):
    """The family that the clerk recognised, locked."""
    family = db.session.scalar(select(Family).where(Family.id == family_id, Family.archived_at.is_(None)).with_for_update())
    if family is None:
        raise DomainError(_("This family is in the archive: restore it first."))
    return family


def _share(child_id, household_id, family):
    """Another household of a child that the town knows; the clerk notes the weeks on its page."""
    child = db.session.scalar(select(Child).where(Child.id == child_id, Child.of_family(household_id)).with_for_update())
    if child is None:
        raise DomainError(_("The record does not exist any more."))
    share_child(child, family.id, weeks=Weeks.other)


def _tell(lot, family, joined):
    """The mail to the confirmed address: with the code of the first visit where the file is new; a file that was there it does not open."""
    reader = reader_of_lot(lot)
    about = {"locale": reader.locale, "family_id": family.id, "lot": lot}
    if joined:
        queue_mail(reader.email, "preregistration_joined", **about)
    else:
        queue_mail(
            reader.email, "preregistration_accepted", family=family, code=invite(family.guardian.id, family.id, by="system"), **about
        )


def children_asked(request, family_id):
    """[(place, name, id of the child whom the family's file has already, or None)] of the children asked for."""
    children = asked_of(request)["children"]
    known = known_children(family_id, children)
    return [(place, name_of(child), known.get(place)) for place, child in enumerate(children)]
