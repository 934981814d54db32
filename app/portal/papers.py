"""Which papers does the town need of a family? What it asks, has and until when; what was sent and refused."""

from flask import url_for
from flask_appbuilder import expose

from app.activities.papers import Standing, asked_papers
from app.changes.kinds import KINDS
from app.changes.models import Act, RequestState
from app.core.i18n import _, _n
from app.portal.kinds import ask_url
from app.portal.queries import own_children, recent_requests
from app.portal.sections import Task, Told
from app.portal.views import PortalView
from app.security.scope import may, standing
from app.security.who_sees_what import Noun


class PaperLine:
    """One paper on the page: how things are with it, and what can be done."""

    def __init__(self, asked):
        self.asked = asked
        self.told = Told(asked.request) if asked.request is not None else self._refused()
        #: A paper that the other household of a child brought counts, and stays closed to this one.
        self.file_id = asked.paper.file_id if asked.paper is not None and asked.paper.family_id == standing().family_id else None
        self.is_image = self.file_id is not None and asked.paper.file is not None and asked.paper.file.is_image

    def _refused(self):
        """The newest answer, where it was a no."""
        for row in recent_requests():
            same = row.kind == "paper" and row.child_id == self.asked.child_id and not row.open
            if same and row.changes.get("paper_type_id", {}).get("after") == self.asked.paper_type.id:
                return Told(row) if row.state is RequestState.refused else None
        return None

    @property
    def send_url(self):
        """The form that sends it; none where one waits: that one is changed."""
        if self.asked.request is not None or not may(Noun.paper, "ask"):
            return None
        return ask_url(KINDS["paper"], Act.add, child=self.asked.child_id, type=self.asked.paper_type.id)

    @property
    def send_label(self):
        return _("Send") if self.asked.state is Standing.missing else _("Send a newer one")


class PapersView(PortalView):
    """The papers of the household and of each child."""

    class_permission_name = Noun.paper.value
    method_permission_name = {"papers": "read"}

    @expose("/papiers/")
    def papers(self):
        self.enter(Noun.paper)
        children = own_children()
        lines = [PaperLine(one) for one in asked_papers(standing().family_id, children=children, requests=recent_requests())]
        groups = [(None, [line for line in lines if line.asked.child is None])]
        groups += [(child, [line for line in lines if line.asked.child_id == child.id]) for child in children]
        return self.render_template(
            "portal/papers.html",
            title=_("Papers"),
            groups=[(child, found) for child, found in groups if found],
            to_send=sum(line.asked.to_send for line in lines),
        )


def paper_tasks(children):
    """What the home page says of papers: one task, however many."""
    if not may(Noun.paper, "ask"):
        return
    asked = asked_papers(standing().family_id, children=children, requests=recent_requests())
    to_send = [one for one in asked if one.to_send]
    if to_send:
        names = ", ".join(f"{one.name} ({one.child.first_name})" if one.child is not None else one.name for one in to_send[:3])
        title = _n("A paper to send", "%(num)s papers to send", len(to_send))
        yield Task(title, names + ("…" if len(to_send) > 3 else ""), url_for("PapersView.papers"), _("Send"))
