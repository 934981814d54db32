"""ChildrenView."""

from flask_appbuilder import expose

from app.portal.views import PortalView
from app.security.who_sees_what import Noun


class ChildrenView(PortalView):
    """ChildrenView."""

    @expose("/enfants/")
    def children(self):
        self.enter(Noun.family)
        return self.render_template("portal/home.html")

    @expose("/enfants/<int:child_id>/")
    def child(self, child_id):
        self.enter(Noun.child)
        return self.render_template("portal/home.html")
