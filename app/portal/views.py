"""What do the families' screens have in common?"""

from flask import abort, redirect, request, url_for
from flask_appbuilder import BaseView

from app.changes.kinds import KINDS
from app.security.scope import require, standing


class PortalView(BaseView):
    """A screen of the families: signed in, acting for a family, allowed by the table of who sees what.

    Nobody who is not signed in comes here: security/resume.py leads every address under /portail/ to the door first. Each view calls
    enter() for the noun that it shows; pages that show several ask may() for each part.
    """

    route_base = "/portail"
    default_view = "home"

    @staticmethod
    def enter(noun, permission="read"):
        """The Standing of a request that may do this with a noun; 403 otherwise."""
        require(noun, permission)
        return standing()

    @staticmethod
    def kind(name):
        """The kind of this name, or 404."""
        return KINDS.get(name) or abort(404)


def back_or(endpoint, **values):
    """A redirect to the page that the act was done on, else to this one."""
    came_from = request.referrer or ""
    return redirect(came_from if came_from.startswith(request.host_url + "portail/") else url_for(endpoint, **values), code=303)
