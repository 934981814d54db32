"""Who takes part in which activity, and which papers does the town have? The staff's lists, and what they enter themselves."""

from flask import request, url_for
from markupsafe import Markup
from sqlalchemy import and_, exists, select
from sqlalchemy.orm import joinedload
from wtforms import DateField
from wtforms.validators import Optional

from app.activities.changes.week import UsualWeek, week_in_words, week_of_row
from app.activities.enrolling import activity_of, change, enrol, last_possible_day, refuse_bad_week
from app.activities.models import Activity, ActivityGroup, Enrolment, Paper, PaperType, PaperValidity, Whose
from app.activities.papers import AHEAD, keep_paper, state_of
from app.children.models import Child, Household, School, SchoolEnrolment
from app.children.queries import this_year
from app.core import clock, search
from app.core.errors import DomainError
from app.core.forms import Required
from app.core.i18n import _, _l, _lp
from app.documents.forms import UploadField
from app.documents.models import StoredFile
from app.documents.operations import release
from app.extensions import db
from app.families.models import Family
from app.security.scope import may
from app.security.who_sees_what import Noun
from app.staff.child_records import OfChild
from app.staff.editors import Editor
from app.staff.forms import RowChoice, RowNamed, StaffForm
from app.staff.interface import actor
from app.staff.parts import Facet, by_id
from app.staff.school_places import tell_overfull


def _rows(model, order):
    return lambda: [(str(row.id), str(row)) for row in db.session.scalars(select(model).order_by(order))]


def lives_in(child_id, family_id):
    """Refuse a child that does not live in the household."""
    if db.session.scalar(select(Household.id).filter_by(child_id=child_id, family_id=family_id, ended_on=None)) is None:
        raise DomainError(_("The child does not live in this household."))


# -- enrolments -----------------------------------------------------------------------------------------------------------------


def _activities():
    return db.session.scalars(select(Activity).order_by(Activity.position, Activity.id)).all()


def _groups():
    return db.session.scalars(select(ActivityGroup).options(joinedload(ActivityGroup.activity)).order_by(ActivityGroup.id)).all()


class NewEnrolmentForm(StaffForm):
    """Whom, in what, for how long. The usual week follows on the next page: it has the units of the activity."""

    child = RowNamed(_l("Child"), of="enfant", required=True)
    family = RowNamed(_l("Household that enrols the child, and pays"), of="famille", required=True)
    activity_id = RowChoice(_l("Activity"), rows=_activities, required=True)
    starts_on = DateField(_l("First day"), [Required()])
    ends_on = DateField(_l("Last day"), [Required()])


class NewEnrolmentEditor(Editor):
    """A new enrolment."""

    def create(self, values):
        child, activity = db.session.get(Child, values["child"]), activity_of(values["activity_id"])
        lives_in(child.id, values["family"])
        first, last = (self.decode(name, values[name]) for name in ("starts_on", "ends_on"))
        if last < first:
            raise DomainError(_("The last day lies before the first."))
        if last > last_possible_day(activity):
            raise DomainError(_("An enrolment can go until %(day)s.", day=f"{last_possible_day(activity):%d/%m/%Y}"))
        row, _plan = enrol(child, activity, values["family"], {"starts_on": first, "ends_on": last}, by=actor())
        return row


class EnrolmentForm(StaffForm):
    """The period, the group and the usual week."""

    stylesheet = "enrolments.css"
    starts_on = DateField(_l("First day"), [Required()])
    ends_on = DateField(_l("Last day"), [Required()])
    group_id = RowChoice(_l("Group"), rows=_groups, blank=_l("the one that takes the child"))
    week = UsualWeek(_l("Usual week"))

    def of_activity(self, activity):
        """Offer the units and groups of this activity alone."""
        own = {str(group.id) for group in activity.groups}
        self.week.activity = activity
        self.group_id.choices = [choice for choice in self.group_id.choices if not choice.value or str(choice.value) in own]


class EnrolmentEditor(Editor):
    """An enrolment: its days follow its usual week."""

    def decode(self, name, value):
        return value if name == "week" else super().decode(name, value)

    def same(self, name, one, other):
        return (one or None) == (other or None) if name == "week" else super().same(name, one, other)

    def read(self, row):
        return {**super().read(row), "week": week_of_row(row)}

    def write(self, row, values):
        activity = activity_of(row.activity_id)
        if "week" in values:
            refuse_bad_week(values["week"], activity)
        if "ends_on" in values and self.decode("ends_on", values["ends_on"]) > last_possible_day(activity):
            raise DomainError(_("An enrolment can go until %(day)s.", day=f"{last_possible_day(activity):%d/%m/%Y}"))
        found = change(row, {name: self.decode(name, value) for name, value in values.items()}, by=actor())
        tell_overfull(found.overfull)


def _when(value):
    today = clock.today()
    return {
        "": (Enrolment.starts_on <= today) & (Enrolment.ends_on >= today),
        "to-come": Enrolment.starts_on > today,
        "ended": Enrolment.ends_on < today,
    }.get(value)


def _in_school(school_id):
    same = and_(SchoolEnrolment.child_id == Enrolment.child_id, SchoolEnrolment.school_year_id == this_year())
    return exists().where(same, SchoolEnrolment.school_id == school_id)


class ActivityEnrolmentView(OfChild):
    """Enrolments in activities."""

    noun, model, route_base = Noun.enrolment, Enrolment, "/mairie/inscriptions"
    route_methods = ("list", "export", "add", "edit")
    list_title, add_title = _l("Enrolments in activities"), _l("New enrolment")
    form_intro = _l("Days that the usual week gains are booked where there is a place; days that it loses are given back.")
    labels = {
        "activity": _l("Activity"),
        "family": _l("Family"),
        "starts_on": _l("First day"),
        "ends_on": _l("Last day"),
        "group": _l("Group"),
        "week": _l("Usual week"),
    }
    list_columns = ["child", "activity", "family", "starts_on", "ends_on", "week", "group"]
    search_columns = ["starts_on", "ends_on"]
    facets = (
        Facet(
            "when",
            _l("State"),
            lambda: [("", _("Running")), ("to-come", _("To come")), ("ended", _("Ended")), ("all", _("All of them"))],
            _when,
            blank=None,
        ),
        Facet(
            "activity",
            _l("Activity"),
            _rows(Activity, Activity.position),
            by_id(lambda number: Enrolment.activity_id == number),
            blank=_l("All activities"),
        ),
        Facet("school", _l("School"), _rows(School, School.name), by_id(_in_school), blank=_l("All schools")),
    )
    loads = (
        joinedload(Enrolment.activity),
        joinedload(Enrolment.family),
        joinedload(Enrolment.group).joinedload(ActivityGroup.activity),
    )
    first_sort = (Enrolment.starts_on.desc(),)
    editor = EnrolmentEditor(Enrolment, EnrolmentForm)

    def shown_columns(self):
        return self.list_columns if may(Noun.household, "read") else [name for name in self.list_columns if name != "family"]

    def cell_week(self, row):
        return week_in_words(week_of_row(row)).replace("\n", " · ")

    def cell_group(self, row):
        return row.group.name if row.group is not None else None

    def row_url(self, row):
        name = "ActivityEnrolmentView.edit"
        return url_for(name, pk=row.id) if may(Noun.enrolment, "edit") else super().row_url(row)

    def form_for(self, row=None):
        if row is not None:
            form = super().form_for(row)
            form.of_activity(activity_of(row.activity_id))
            return form
        return NewEnrolmentForm(key="new-activity-enrolment", data=_beginning())

    def _try(self, form, write):
        if isinstance(form, NewEnrolmentForm):
            return super()._try(form, lambda: self.datamodel.add(NewEnrolmentEditor(Enrolment, NewEnrolmentForm), form))
        return super()._try(form, write)

    def after_add(self, row_id, form):
        """Its usual week comes next."""
        return url_for("ActivityEnrolmentView.edit", pk=row_id)


def _beginning():
    """The child that the form was opened for, and its household where it has but one."""
    child_id = request.args.get("child", type=int) or 0
    same = select(Household.family_id).filter_by(child_id=child_id, ended_on=None)
    homes = db.session.scalars(same).all() if 0 < child_id < 2**31 else []
    return {"child": child_id if homes else None, "family": homes[0] if len(homes) == 1 else None, "starts_on": clock.today()}


# -- papers ---------------------------------------------------------------------------------------------------------------------


def _paper_types():
    return db.session.scalars(select(PaperType).order_by(PaperType.name)).all()


class NewPaperForm(StaffForm):
    """A paper that came at the desk or by post."""

    noun = Noun.health
    paper_type_id = RowChoice(_l("Paper"), rows=_paper_types, required=True)
    family = RowNamed(_l("Family"), of="famille", required=True)
    child = RowNamed(_l("Child (for a paper of a child)"), of="enfant")
    valid_until = DateField(_l("Good until (if the paper states it)"), [Optional()])
    file_id = UploadField(_l("Scan or photograph"))


class NewPaperEditor(Editor):
    """A paper, its file with the rights of its type."""

    def create(self, values):
        paper_type, child_id = db.session.get(PaperType, values["paper_type_id"]), values.get("child")
        if (paper_type.whose is Whose.child) != bool(child_id):
            raise DomainError(_("Name the child.") if paper_type.whose is Whose.child else _("This paper is the family's: name no child."))
        if child_id:
            lives_in(child_id, values["family"])
        stated = self.decode("valid_until", values.get("valid_until"))
        if paper_type.validity is PaperValidity.stated and stated is None:
            raise DomainError(_("Say until when the paper is good: it states the date."))
        self._give_rights(values.get("file_id"), paper_type, values["family"], child_id)
        return keep_paper(paper_type, values["family"], child_id, values.get("file_id"), received_on=clock.today(), stated=stated)

    @staticmethod
    def _give_rights(file_id, paper_type, family_id, child_id):
        row = db.session.get(StoredFile, file_id) if file_id else None
        if row is not None:
            row.noun = (Noun.health if paper_type.health else Noun.paper).value
            row.family_id, row.child_id = family_id, child_id


class PaperForm(StaffForm):
    """Until when a paper is good."""

    valid_until = DateField(_l("Good until (empty: for ever)"), [Optional()])


class PaperEditor(Editor):
    """A paper: deleted where it was a slip, its file with it."""

    def write(self, row, values):
        super().write(row, values)
        row.reminded_on = None

    def refuse_to_delete(self, row):
        return None

    def remove(self, row):
        release([row.file_id] if row.file_id else [])
        db.session.delete(row)


def _good(value):
    today = clock.today()
    return {
        "good": Paper.valid_until.is_(None) | (Paper.valid_until >= today),
        "soon": Paper.valid_until.between(today, today + AHEAD),
        "over": Paper.valid_until < today,
    }.get(value)


class PaperView(OfChild):
    """Papers that the town has accepted."""

    noun, model, route_base = Noun.paper, Paper, "/mairie/pieces"
    route_methods = ("list", "export", "show", "add", "edit", "delete")
    list_title, add_title = _l("Papers"), _l("New paper")
    search_hint = _l("Name of a child or of a family")
    labels = {
        "paper_type": _l("Paper"),
        "family": _l("Family"),
        "received_on": _lp("paper", "Received on"),
        "valid_until": _l("Good until"),
        "state": _l("State"),
        "file": _l("File"),
        "reminded_on": _l("Family reminded on"),
    }
    list_columns = ["paper_type", "child", "family", "received_on", "valid_until", "state"]
    show_columns = ["child", "family", "received_on", "valid_until", "state", "reminded_on", "file"]
    search_columns = ["received_on", "valid_until"]
    facets = (
        Facet(
            "type",
            _l("Paper"),
            _rows(PaperType, PaperType.name),
            by_id(lambda number: Paper.paper_type_id == number),
            blank=_l("All papers"),
        ),
        Facet(
            "good",
            _l("State"),
            lambda: [("good", _("Good")), ("soon", _("Runs out soon")), ("over", _("Has run out"))],
            _good,
            blank=_l("All"),
        ),
    )
    loads = (joinedload(Paper.paper_type), joinedload(Paper.family))
    first_sort = (Paper.received_on.desc(), Paper.id.desc())
    editor = PaperEditor(Paper, PaperForm)

    def cell_state(self, row):
        return state_of(row)

    def cell_file(self, row):
        if not row.file_id:
            return None
        return Markup('<a href="{}">{}</a>').format(url_for("StaffFileView.file", file_id=row.file_id), _("See the file"))

    def row_url(self, row):
        return url_for("PaperView.show", pk=row.id)

    def back_url(self, row=None):
        return url_for("PaperView.list")

    def after_edit(self, row):
        return url_for("PaperView.show", pk=row.id)

    def name_of(self, row):
        return f"{row.paper_type}, {row.child or row.family}"

    def form_for(self, row=None):
        return super().form_for(row) if row is not None else NewPaperForm(key="new-paper", data=_beginning())

    def _try(self, form, write):
        if isinstance(form, NewPaperForm):
            return super()._try(form, lambda: self.datamodel.add(NewPaperEditor(Paper, NewPaperForm), form))
        return super()._try(form, write)


def _paper_matches(word):
    family = Paper.family.has(search.contains(Family.name, word))
    return family | Paper.child.has(search.contains(Child.first_name, word) | search.contains(Child.last_name, word))


PaperView.matches = staticmethod(_paper_matches)
