"""What does somebody type about their account?"""

from flask import current_app
from wtforms import HiddenField, PasswordField, SelectField, StringField

from app.core.forms import Email, Form, Required, Text, option, squeeze
from app.core.i18n import _l
from app.security.passwords import LONGEST

#: A name as a phone's keyboard should leave it: no capital, no correction.
PLAIN = {"autocapitalize": "none", "autocorrect": "off", "spellcheck": "false"}


def new_password(label):
    """A field for a new password: pasted or made by the browser, both are welcome."""
    return PasswordField(label, [Required()], render_kw={"autocomplete": "new-password", "maxlength": LONGEST})


def present_password(label):
    """A field for the password in force."""
    return PasswordField(label, [Required()], render_kw={"autocomplete": "current-password"})


class LoginForm(Form):
    """Identifier and password; pasting and password managers are welcome."""

    username = StringField(
        _l("Identifier or e-mail address"), [Required()], filters=[squeeze], render_kw={"autocomplete": "username", **PLAIN}
    )
    password = present_password(_l("Password"))


class CodesForm(Form):
    """The two codes of the town's letter."""

    family_code = Text(
        _l("Family code"),
        longest=20,
        required=True,
        render_kw={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"},
    )
    code = Text(
        _l("Code of the letter"),
        longest=30,
        required=True,
        render_kw={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"},
    )


class FirstPasswordForm(Form):
    """A password for an account that is there already."""

    password = new_password(_l("Your new password"))


class FirstAccountForm(Form):
    """An account of one's own."""

    username = Text(_l("Your identifier"), longest=40, required=True, render_kw={"autocomplete": "username", **PLAIN})
    password = new_password(_l("Your password"))
    email = Text(_l("Your e-mail address"), [Email()], longest=254, render_kw={"autocomplete": "email", "type": "email", **PLAIN})


class ForgottenForm(Form):
    """Who has forgotten a password?"""

    username = Text(_l("E-mail address or identifier"), longest=254, required=True, render_kw={"autocomplete": "username", **PLAIN})


class NewPasswordForm(Form):
    """A new password after a link by mail."""

    password = new_password(_l("Your new password"))


class ChangePasswordForm(Form):
    """A new password in the place of the present one."""

    present = present_password(_l("Your present password"))
    password = new_password(_l("Your new password"))
    next = HiddenField()


class AddressForm(Form):
    """Another address, proved by the password."""

    email = Text(
        _l("Your new e-mail address"), [Email()], longest=254, required=True, render_kw={"autocomplete": "email", "type": "email", **PLAIN}
    )
    password = present_password(_l("Your password"))


class CodeForm(Form):
    """The code of the moment, or one on paper."""

    code = Text(_l("Code"), longest=20, required=True, render_kw={"autocomplete": "one-time-code", **PLAIN})


class SetUpForm(Form):
    """The first code of an application on a telephone, proved by the password. The secret travels sealed."""

    secret = HiddenField()
    code = Text(
        _l("The six digits that it shows now"),
        longest=10,
        required=True,
        render_kw={"autocomplete": "one-time-code", "inputmode": "numeric", **PLAIN},
    )
    password = present_password(_l("Your password"))
    next = HiddenField()


class ProveForm(Form):
    """Password and code, for what changes the second step itself."""

    password = present_password(_l("Your password"))
    code = Text(
        _l("Code of your telephone, or a recovery code"),
        longest=20,
        required=True,
        render_kw={"autocomplete": "one-time-code", **PLAIN},
    )


class LanguageForm(Form):
    """The language of screens and mails."""

    locale = SelectField(_l("Language of pages and mails"))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.locale.choices = [option(code, entry["name"]) for code, entry in current_app.config["LANGUAGES"].items()]
