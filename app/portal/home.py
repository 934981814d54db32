"""What does a family see first?"""

from flask_appbuilder import expose

from app.portal.views import PortalView
from app.security.who_sees_what import Noun


class HomeView(PortalView):
    """The home page."""

    @expose("/")
    def home(self):
        self.enter(Noun.family)
        return self.render_template("portal/home.html")
