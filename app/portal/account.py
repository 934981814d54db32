"""What does the town know of a household? Five sections, each value with what was asked beside it, and the children."""

from flask_appbuilder import expose

from app.changes.kinds import KINDS, Tab
from app.core.i18n import _
from app.portal.queries import own_children, whole_file
from app.portal.sections import additions, section_or_none
from app.portal.views import PortalView
from app.security.who_sees_what import Noun


class AccountView(PortalView):
    """My account."""

    class_permission_name = Noun.family.value
    method_permission_name = {"account": "read"}

    @expose("/compte/")
    def account(self):
        self.enter(Noun.family)
        family = whole_file()
        names = [kind.name for tab in Tab for kind in KINDS.values() if kind.tab is tab and tab.group == "account"]
        sections = [section for section in (section_or_none(name, family) for name in names) if section is not None]
        return self.render_template(
            "portal/account.html",
            title=_("My account"),
            family=family,
            sections=sections,
            children=own_children(),
            added=additions("new_child"),
        )
