"""What do the families' screens have in common?"""

from flask import abort
from flask_appbuilder import BaseView

from app.changes.kinds import KINDS
from app.security.scope import require, standing


class PortalView(BaseView):
    """A screen of the families: signed in, acting for a family, allowed by the table of who sees what.

    `noun` and `permission` (default "read") say what the table is asked; views that show several nouns ask may() for each part.
    """

    route_base = "/portail"
    noun = None
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
