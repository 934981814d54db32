"""How is the worker started by hand, or by a town's service manager?"""

import click
from flask.cli import with_appcontext


@click.command()
@click.option("--once", is_flag=True, help="Do what is to be done now, then leave.")
@with_appcontext
def worker(once):
    """Apply decisions, send mails: until stopped."""
    from app.jobs.worker import one_round, run

    if once:
        while one_round():
            pass
    else:
        run()
