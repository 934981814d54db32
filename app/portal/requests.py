"""RequestsView."""

from flask_appbuilder import expose

from app.portal.views import PortalView
from app.security.who_sees_what import Noun


class RequestsView(PortalView):
    """RequestsView."""

    @expose("/demandes/")
    def requests(self):
        self.enter(Noun.family)
        return self.render_template("portal/home.html")

    @expose("/demandes/lot/<int:lot_id>/")
    def lot(self, lot_id):
        self.enter(Noun.request)
        return self.render_template("portal/home.html")
