"""How does a page show what the town holds, and beside it what was asked?"""

from dataclasses import dataclass
from functools import cached_property

from flask import current_app, url_for
from markupsafe import Markup

from app.changes.kinds import KINDS, Tab
from app.changes.models import Act, RequestState
from app.core.i18n import _
from app.portal.kinds import ask_url
from app.portal.queries import fresh_since, recent_requests
from app.security.scope import may

S = RequestState


def has_screen(endpoint):
    """Whether a screen that somebody else makes is there: no dead links."""
    return endpoint in current_app.view_functions


def file_link(file_id):
    """A link to a stored file."""
    return Markup('<a href="{}">{}</a>').format(url_for("FilesView.file", file_id=file_id), _("See the file"))


def shown(kind, name, value):
    """A JSON value as people read it; a file is a link."""
    if kind.is_file(name):
        return file_link(value) if value else ""
    return kind.show(name, value)


@dataclass
class Line:
    """One field of a section: what the town holds, and the request that asks for another value."""

    name: str
    label: object
    current: object
    request: object = None
    waiting: object = None

    @property
    def says(self):
        """Whether there is a value, or one is asked for."""
        return self.current not in ("", None) or self.request is not None

    @property
    def state(self):
        """How what was asked of this field stands: of a request that was taken in part, only what was not taken is told."""
        return S.refused if self.request.state is S.partly_accepted else self.request.state


@dataclass
class Change:
    """One field of a request: before, after, and whether it was taken."""

    label: object
    before: object
    after: object
    accepted: bool | None = None


@dataclass(frozen=True)
class Task:
    """Something that the family should do."""

    title: str
    text: str
    url: str
    button: str


class Section:
    """A section of the file as the person may see it; the newest request that waits, and the refusal of the last 30 days."""

    def __init__(self, kind, target, *, fields=True):
        self.kind, self.target, self.title = kind, target, kind.title
        mine = [
            request
            for request in recent_requests()
            if request.kind == kind.name and request.act is Act.edit and request.target_id == target.id
        ]
        self.waiting = [request for request in mine if request.open]
        newest = next(iter(mine), None)
        self.refused = newest if newest is not None and newest.state in (S.refused, S.partly_accepted) else None
        self.lines = [self._line(name, value) for name, value in (kind.read(target) if fields else {}).items()]

    def _line(self, name, value):
        current = file_link(value) if value and self.kind.is_file(name) else self.kind.stands(name, value, self.target)
        line = Line(name, self.kind.label(name), current)
        line.request = next((request for request in (*self.waiting, self.refused) if request is not None and name in request.changes), None)
        if line.request is self.refused and self.refused is not None and name in (self.refused.accepted_fields or ()):
            line.request = None
        if line.request is not None:
            line.waiting = shown(self.kind, name, line.request.changes[name]["after"])
        return line

    def __getitem__(self, name):
        return next(line for line in self.lines if line.name == name)

    @property
    def filled(self):
        """Whether there is anything to show."""
        return any(line.says for line in self.lines)

    @property
    def told(self):
        """The requests to speak of under the title, as Told."""
        return [Told(request) for request in (self.waiting or ([self.refused] if self.refused else []))]

    @property
    def edit_url(self):
        """Where the family asks for a change; none where it may not, or where "Change my request" says it."""
        if not may(self.kind.noun, "ask") or any(request.state in (S.pending, S.sent_back) for request in self.waiting):
            return None
        return ask_url(self.kind, Act.edit, self.target.id)


def section_or_none(name, target, **more):
    """The Section of a kind if the person may read it."""
    kind = KINDS[name]
    return Section(kind, target, **more) if may(kind.noun, "read") else None


@dataclass
class Told:
    """A request as a family reads it: what it asked, how it stands, and what may be done with it."""

    request: object
    subject: str = ""

    @property
    def kind(self):
        return KINDS[self.request.kind]

    @cached_property
    def lines(self):
        """Its fields in the order of the form."""
        changes, known = self.request.changes, self.kind.asks
        return [self._line(name, changes[name]) for name in (*known, *sorted(set(changes) - set(known))) if name in changes]

    def _line(self, name, pair):
        whole = self.request.accepted_fields is None or name in self.kind.form.proofs
        accepted = None if whole else name in self.request.accepted_fields
        return Change(self.kind.label(name), shown(self.kind, name, pair["before"]), shown(self.kind, name, pair["after"]), accepted)

    @property
    def title(self):
        """What it asks: "School enrolment", "Persons who may pick up: remove"."""
        if self.request.act is Act.edit or self.kind.acts == {Act.add}:
            return self.kind.title
        return _("%(section)s: %(act)s", section=self.kind.title, act=self.request.act.label)

    @property
    def heading(self):
        """The same with whom or what it is about."""
        return _("%(section)s: %(name)s", section=self.title, name=self.subject) if self.subject else self.title

    @property
    def remark(self):
        """What the family should know of it while it waits."""
        return self.kind.remark(self.request)

    @property
    def may_withdraw(self):
        return self.request.state in (S.pending, S.sent_back) and may(self.kind.noun, "ask")

    @property
    def change_url(self):
        """The form that changes a request that waits, or corrects one that was refused or sent back; else None."""
        request = self.request
        if (
            not may(self.kind.noun, "ask")
            or request.act is Act.delete
            or request.state not in (S.pending, S.sent_back, S.refused, S.partly_accepted)
        ):
            return None
        if request.state in (S.refused, S.partly_accepted) and request.decided_at < fresh_since():
            return None
        if request.state is S.partly_accepted and request.act is Act.add:
            return None
        again = request.id if request.act is Act.add or not request.open else None
        return ask_url(self.kind, request.act, request.target_id if request.act is Act.edit else None, again=again)

    @property
    def change_label(self):
        return _("Change my request") if self.request.state is S.pending else _("Correct")


def additions(name, child_id=None):
    """The requests to add something (to a child) that wait or were refused lately, as Told."""
    kind = KINDS[name]
    if not may(kind.noun, "read"):
        return []
    states = (S.pending, S.deciding, S.sent_back, S.refused)
    found = [request for request in recent_requests() if request.kind == name and request.act is Act.add and request.child_id == child_id]
    return [Told(request, kind.about(request, None)) for request in found if request.state in states]


def removal(kind, target):
    """The request to remove a record that waits or was refused lately, as Told; else None."""
    found = [request for request in recent_requests() if request.kind == kind.name and request.target_id == target.id]
    newest = next(iter(found), None)
    return Told(newest) if newest is not None and newest.act is Act.delete and newest.state is not S.accepted else None


def tabs():
    """The tabs of the requests list that the person may see, with their kinds."""
    kinds = {tab: [kind for kind in KINDS.values() if kind.tab is tab and may(kind.noun, "read")] for tab in Tab}
    return {tab: found for tab, found in kinds.items() if found}
