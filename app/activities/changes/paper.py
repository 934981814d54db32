"""How does a family send a paper? A photograph or a PDF, of which kind, for whom, and until when it is good."""

from datetime import date

from flask import request as http
from sqlalchemy import or_, select, update
from wtforms import DateField, SelectField
from wtforms.validators import Optional, StopValidation

from app.activities.models import Paper, PaperType, PaperValidity, Whose
from app.activities.papers import keep_paper, name_of
from app.changes.forms import SectionForm
from app.changes.kinds import Finding, Kind, Tab, register
from app.changes.models import Act, ChangeRequest, Lane, RequestState
from app.changes.operations import inspect_request
from app.children.models import Child
from app.children.queries import child_of
from app.core import clock
from app.core.errors import DomainError
from app.core.forms import Required, option, row_id
from app.core.i18n import _, _l
from app.documents.forms import UploadField
from app.documents.models import StoredFile
from app.extensions import db
from app.families.models import Family
from app.security.who_sees_what import Noun


class FileSent(Required):
    """A file came with this post, or with an earlier one of the same form."""

    def __call__(self, form, field):
        if not field.problem and field.upload is None and (field.removed or not field.kept):
            raise StopValidation(_("Choose a photograph or a PDF."))


def to_choose(for_child):
    """The kinds of paper that a child has, or a family."""
    return db.session.scalars(select(PaperType).filter_by(whose=Whose.child if for_child else Whose.family).order_by(PaperType.id)).all()


class PaperForm(SectionForm):
    """Which paper, the file, and until when it is good if it says so itself. `?type=` names the paper that was asked for."""

    paper_type_id = SelectField(_l("Which paper?"), [Required()], coerce=lambda value: int(value) if str(value or "").isdecimal() else None)
    file_id = UploadField(_l("Photograph or PDF of the paper"), [FileSent()])
    valid_until = DateField(_l("Good until (the date that the paper states)"), [Optional()])

    intro_template = "portal/widgets/paper.html"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        token = self.token or {}
        types = to_choose(token.get("child"))
        self.paper_type_id.choices = [option("", _("choose")), *(option(row.id, name_of(row)) for row in types)]
        if self.chosen is not None:
            self.paper_type_id.data = self.chosen.id
        self.valid_until.flags.required = self.chosen is not None and self.chosen.validity is PaperValidity.stated
        self.file_id.noun = Noun.health if self.kind_of_paper is None or self.kind_of_paper.health else Noun.paper

    def _blank(self):
        token = super()._blank()
        asked = self._again().get("paper_type_id") or http.args.get("type", type=row_id)
        found = db.session.get(PaperType, asked) if asked else None
        fits = found is not None and (found.whose is Whose.child) == bool(token["child"])
        return {**token, "type": found.id if fits else None}

    @property
    def chosen(self):
        """The paper that the form was opened for, if it was for one."""
        number = (self.token or {}).get("type")
        return db.session.get(PaperType, number) if number else None

    @property
    def kind_of_paper(self):
        """The paper that the form is about now: the one it was opened for, or the one that was chosen."""
        number = self.paper_type_id.data
        return self.chosen or (db.session.get(PaperType, number) if number else None)

    @property
    def subject(self):
        """Whose paper it is, above the form."""
        child = db.session.get(Child, self.token["child"]) if self.token and self.token["child"] else None
        who = str(child) if child is not None else _("The family")
        return _("%(section)s: %(name)s", section=name_of(self.chosen), name=who) if self.chosen is not None else who

    @property
    def visible_parts(self):
        (part,) = super().visible_parts
        left_out = {"paper_type_id"} if self.chosen is not None else set()
        if self.chosen is not None and self.chosen.validity is not PaperValidity.stated:
            left_out.add("valid_until")
        return [part._replace(fields=[field for field in part.fields if field.name not in left_out])]

    def proposal(self, target):
        """What the post asks; a date counts where the paper states one itself."""
        found = super().proposal(target)
        if self.kind_of_paper is not None and self.kind_of_paper.validity is not PaperValidity.stated:
            found.after["valid_until"] = None
        return found


def lack_of(papers):
    """The Findings about what is asked for and missing: what came must be looked at, the rest has not been sent."""
    if absent := [one.name for one in papers if one.request is None]:
        yield Finding(Lane.papers, _("Papers are missing: %(names)s.", names=", ".join(absent)))
    if came := [one.name for one in papers if one.request is not None]:
        yield Finding(Lane.look, _("Papers to look at first: %(names)s.", names=", ".join(came)))


@register
class PaperSent(Kind):
    """A paper of a child, or of the whole family. Somebody looks at each."""

    name, noun, tab = "paper", Noun.paper, Tab.enrolments
    title = _l("Paper")
    model = Paper
    form = PaperForm
    acts = frozenset({Act.add})
    bulk = False

    def of_family(self, family_id):
        return (Paper.family_id == family_id) & or_(Paper.child_id.is_(None), Paper.child_id.in_(Child.ids_of(family_id)))

    def parent(self, child_id, family_id):
        """The child whose paper it is; for a paper of the household, the household."""
        return child_of(family_id, child_id) if child_id else db.session.get(Family, family_id)

    def type_of(self, name):
        return date if name == "valid_until" else int

    def refuse_if_invalid(self, proposal, family_id):
        if self.parent(proposal.child_id, family_id) is None:
            raise DomainError(_("This child is not in your file."))
        found = db.session.get(PaperType, proposal.after.get("paper_type_id") or 0)
        if found is None or (found.whose is Whose.child) != bool(proposal.child_id):
            raise DomainError(_("Choose which paper it is."))
        if not proposal.after.get("file_id"):
            raise DomainError(_("Choose a photograph or a PDF."))
        if found.validity is PaperValidity.stated:
            self._refuse_bad_date(proposal.after.get("valid_until"))

    @staticmethod
    def _refuse_bad_date(stated):
        if not stated:
            raise DomainError(_("Say until when the paper is good: it states the date."))
        if date.fromisoformat(stated) < clock.today():
            raise DomainError(_("This paper has run out: send a newer one."))
        if date.fromisoformat(stated).year > clock.today().year + 50:
            raise DomainError(_("This date is too far away: look at the year again."))

    def check(self, request, target):
        paper_type = db.session.get(PaperType, request.changes["paper_type_id"]["after"])
        if paper_type is not None and paper_type.health:
            return [Finding(Lane.look, _("A paper about health: those alone may open it who read health data."))]
        return []

    def sent(self, request):
        """The file takes the rights of its paper; what waits for it is looked at again."""
        paper_type = db.session.get(PaperType, request.changes["paper_type_id"]["after"])
        noun = Noun.health if paper_type.health else Noun.paper
        number = request.changes["file_id"]["after"]
        same = (StoredFile.id == number) & (StoredFile.family_id == request.family_id)
        db.session.execute(update(StoredFile).where(same).values(noun=noun.value, child_id=request.child_id))
        self._look_again(request)

    def closed(self, request):
        self._look_again(request)

    @staticmethod
    def _look_again(request):
        """The findings of enrolments and bookings that wait speak of this paper."""
        waiting = select(ChangeRequest).where(
            ChangeRequest.family_id == request.family_id,
            ChangeRequest.kind.in_(("enrolment", "booking")),
            ChangeRequest.act == Act.add,
            ChangeRequest.state == RequestState.pending,
        )
        for other in db.session.scalars(waiting):
            inspect_request(other, None)

    def create(self, values, *, request):
        paper_type = db.session.get(PaperType, values["paper_type_id"])
        if paper_type is None:
            raise DomainError(_("The town does not ask for this paper any more."))
        received_on = request.received_on or clock.local(request.asked_at).date()
        stated = self.decode("valid_until", values.get("valid_until"))
        return keep_paper(paper_type, request.family_id, request.child_id, values["file_id"], received_on=received_on, stated=stated)

    def about(self, request, target):
        child_id = request.child_id if request is not None else self.child_id(target)
        child = db.session.get(Child, child_id) if child_id else None
        return str(child) if child is not None else ""

    def show(self, name, value):
        if name == "paper_type_id" and value is not None:
            found = db.session.get(PaperType, value)
            return name_of(found) if found is not None else ""
        return super().show(name, value)
