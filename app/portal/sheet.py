"""How does a family print its child's sheet?"""

from flask import request
from flask_appbuilder import expose
from flask_login import current_user

from app.children.sheet import Version, print_sheet
from app.portal.views import PortalView
from app.security.who_sees_what import Noun


class SheetView(PortalView):
    """The child's sheet, as the household sees it."""

    @expose("/enfants/<int(max=2147483647):child_id>/fiche.pdf")
    def sheet(self, child_id):
        found = self.enter(Noun.child)
        reader = current_user if found.by_clerk else None
        return print_sheet(child_id, request.args.get("version", Version.simple), family_id=found.family_id, town_reader=reader)
