"""What can a town set about signing in? Whom of its staff it asks for a second step."""

from app.core import settings
from app.core.enums import Labelled
from app.core.i18n import _l


class AskedOf(Labelled):
    """Who must sign in with a second step; everybody of the staff may."""

    nobody = "nobody", _l("nobody: whoever wants to")
    administrators = "administrators", _l("administrators")
    money = "money", _l("administrators and the régie")
    everybody = "everybody", _l("all of the staff")


settings.declare(
    "second_step",
    str,
    AskedOf.nobody.value,
    _l("Who must sign in with a code of their telephone"),
    hint=_l("Whoever has none sets it up at the next click, before anything else."),
    group=_l("Signing in"),
    choices=AskedOf,
)
