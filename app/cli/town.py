"""How does the demo town get into a database?"""

import click
from flask import current_app
from flask.cli import with_appcontext

from app.core import clock
from app.core.errors import DomainError
from app.core.i18n import _
from app.demo import ACCOUNTS, PASSWORD, load


@click.command()
@click.option("--families", default=60, show_default=True, type=click.IntRange(10, 20_000), help="How many families.")
@click.option("--seed", default=1, show_default=True, help="Another seed makes other people.")
@click.option("--reference-date", type=click.DateTime(["%Y-%m-%d"]), help="The day that the town lives in; today where it is not given.")
@with_appcontext
def demo(families, seed, reference_date):
    """Load the made-up town Saint-Exemple into an empty database."""
    day = reference_date.date() if reference_date else clock.today()
    try:
        counts = load(families=families, seed=seed, day=day)
    except DomainError as problem:
        raise click.ClickException(str(problem)) from problem
    click.echo(_("The demo town has %(families)s families, %(children)s children and %(requests)s requests.", **counts))
    click.echo("\n".join(door_plate()))


def door_plate():
    """The lines that say how to get into the demo town; none for a real one."""
    if current_app.config["MODE"] != "demo":
        return []
    names = ", ".join(username for username, *_more in ACCOUNTS)
    return [_("Accounts of the demo town: %(names)s", names=names), _("Their password: %(password)s", password=PASSWORD)]
