"""How does the town print a child's sheet?"""

from flask import request
from flask_appbuilder import BaseView, expose
from flask_login import current_user

from app.children.sheet import Version, print_sheet
from app.security.who_sees_what import Noun
from app.staff.views import screen


class ChildSheetView(BaseView):
    """The child's sheet, as a role may see it."""

    noun = Noun.child
    route_base = "/mairie"
    default_view = "sheet"
    class_permission_name = noun.value
    method_permission_name = {"sheet": "read"}

    @expose("/enfants/<int(max=2147483647):child_id>/fiche.pdf")
    @screen
    def sheet(self, child_id):
        return print_sheet(child_id, request.args.get("version", Version.simple), family_id=None, town_reader=current_user)
