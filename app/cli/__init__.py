"""Which commands does an administrator have?"""

from flask_migrate import upgrade

from app.cli.deploy import deploy_once, make_roles
from app.core.i18n import _

__all__ = ["deploy_once", "greeting", "make_roles", "register", "upgrade"]


def register(app):
    """Add the commands to the application."""
    from app.cli.accounts import create_admin, end_second_step
    from app.cli.deploy import deploy
    from app.cli.doctor import doctor
    from app.cli.keys import rotate_keys
    from app.cli.secrets import make_secrets
    from app.cli.town import demo
    from app.cli.work import worker

    for command in (deploy, worker, demo, make_secrets, create_admin, end_second_step, doctor, rotate_keys):
        app.cli.add_command(command)


def greeting(address):
    """What `make run` prints once everything answers: where, and in the demo town as whom."""
    from flask import current_app

    from app.cli.town import door_plate

    lines = [_("%(town)s: Préau answers at %(address)s", town=current_app.config["TOWN_NAME"], address=address)]
    return "\n".join([*lines, *door_plate(), _("Ctrl+C stops it.")])
