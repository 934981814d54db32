"""AccountView."""

from flask_appbuilder import expose

from app.portal.views import PortalView
from app.security.who_sees_what import Noun


class AccountView(PortalView):
    """AccountView."""

    @expose("/compte/")
    def account(self):
        self.enter(Noun.family)
        return self.render_template("portal/home.html")
