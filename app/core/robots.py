"""Does a person fill in this form? A trap that nobody sees and the time it took, instead of a riddle; a person who trips sends again."""

from wtforms import HiddenField, StringField

from app.core import clock
from app.core.encryption import seal, unseal
from app.core.i18n import _, _l

#: Nobody fills in a form of several fields faster.
SECONDS = 3
#: A page that was open for longer is looked at once more.
LONGEST = 24 * 3600


class OpenForm:
    """What a form that is open to the world has besides its fields; before Form among the bases."""

    #: Named and labelled so that programs fill it in. People do not see it, and are told to leave it empty where they do.
    website = StringField(_l("Leave this field empty"), render_kw={"tabindex": "-1", "autocomplete": "off"})
    opened = HiddenField()

    def stamp(self):
        """Note when the form is shown; a page that is shown again keeps its first time."""
        if not self.opened.data:
            self.opened.data = seal({"form": type(self).__name__, "at": int(clock.now().timestamp())})

    def by_a_person(self):
        """Whether a person sent it; if not, the form says how to go on, and holds all that was typed."""
        if self.website.data:
            self.website.data = ""
            self.form_errors.append(_("A field that people do not see was filled in. It is empty again: please send once more."))
            return False
        age = self._age()
        if age is None or age > LONGEST:
            self.opened.data = ""
            self.form_errors.append(_("This page was open for a long time. Look at it again, then send it."))
        elif age < SECONDS:
            self.form_errors.append(_("That was very fast. Please wait a moment, then send it again."))
        return age is not None and SECONDS <= age <= LONGEST

    def _age(self):
        """Seconds since the form was shown; None where we did not show it."""
        try:
            token = unseal(self.opened.data or "")
        except ValueError:
            return None
        return int(clock.now().timestamp()) - token["at"] if token.get("form") == type(self).__name__ else None
