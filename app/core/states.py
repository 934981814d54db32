"""How does a row change its state? Along its TRANSITIONS alone, whoever was faster meanwhile."""

from app.core.errors import Stale
from app.core.i18n import _


class Moving:
    """A model with a `state`, and the states that may follow each."""

    TRANSITIONS = {}

    def move_to(self, state):
        """Change state; Stale where the row has gone another way meanwhile."""
        self.check(self.state, state)
        self.state = state

    @classmethod
    def check(cls, before, after):
        """Raise Stale where one state does not follow another: for what is written without loading the row."""
        if after not in cls.TRANSITIONS.get(before, ()):
            raise Stale(_("Somebody was faster: it is “%(state)s” now. Look again.", state=before.label))
