"""How does the first administrator of a town get in?"""

import click
from flask.cli import with_appcontext

from app.audit.operations import record
from app.core.db import unit_of_work
from app.core.errors import DomainError
from app.security.operations import close_sessions, new_account
from app.security.passwords import check_password, hash_password
from app.security.queries import find_account
from app.security.second_factor import switch_off
from app.security.who_sees_what import Viewer


@click.command("create-admin")
@click.option("--username", prompt="Identifier", help="What the administrator types to sign in.")
@click.option("--first-name", prompt="First name")
@click.option("--last-name", prompt="Last name")
@click.option("--email", prompt="E-mail address (may stay empty)", default="", show_default=False)
@click.password_option(help="Asked for where it is not given; a command line stays in the shell's history.")
@with_appcontext
def create_admin(username, first_name, last_name, email, password):
    """Create an administrator: the first of a town, or another one for a town that has locked itself out."""
    try:
        check_password(password, username, first_name, last_name)
        hashed = hash_password(password)
        with unit_of_work():
            account = new_account(username.strip(), first_name, last_name, Viewer.administrator.value, hashed, email=email.strip() or None)
            record("account.created", account, by="flask create-admin", noun="account")
    except DomainError as problem:
        raise click.ClickException(str(problem)) from problem
    click.echo(f"{username} can sign in as an administrator.")


@click.command("end-second-step")
@click.argument("username")
@with_appcontext
def end_second_step(username):
    """Let an account sign in with its password alone: for the only administrator, who has lost telephone and recovery codes."""
    with unit_of_work():
        account = find_account(username)
        if account is None:
            raise click.ClickException(f"Nobody is called {username}.")
        switch_off(account, by="flask end-second-step")
        close_sessions(account, by="flask end-second-step")
    click.echo(f"{username} signs in with the password alone.")
