"""What does the town set by itself? One form made from what the rooms declare."""

import re

from flask import flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from wtforms import BooleanField, ColorField, IntegerField, SelectField
from wtforms.validators import InputRequired, NumberRange, ValidationError

from app.audit.operations import record
from app.core import settings
from app.core.forms import Email, Phone, Text, option
from app.core.i18n import _, _l
from app.security.scope import may, require
from app.security.who_sees_what import Noun
from app.staff.forms import StaffForm
from app.staff.interface import actor, saving

#: WCAG 2.2, 1.4.3: white text on the town's colour.
LEAST_CONTRAST = 4.5


def contrast_on_white(colour):
    """The contrast of a colour #rrggbb with white, from 1 to 21 (WCAG 2.2)."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)


class Readable:
    """A colour on which white text can be read."""

    def __call__(self, form, field):
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", field.data or ""):
            raise ValidationError(_("A colour is written like #0B5563."))
        found = contrast_on_white(field.data)
        if found < LEAST_CONTRAST:
            raise ValidationError(
                _(
                    "White text cannot be read on this colour: its contrast is %(found)s, at least 4.5 is needed. Take a darker one.",
                    found=f"{found:.1f}",
                )
            )


#: What some settings are checked for, beside their type.
CHECKS = {"contact_email": [Email()], "contact_phone": [Phone()]}


def field_for(declared):
    """The form field of a setting."""
    about = {"label": declared.title, "description": declared.hint}
    if declared.kind is bool:
        return BooleanField(**about)
    if declared.kind is int:
        limits = NumberRange(declared.minimum, declared.maximum, _l("Between %(min)s and %(max)s."))
        return IntegerField(validators=[InputRequired(_l("Please fill this in.")), limits], render_kw={"inputmode": "numeric"}, **about)
    if declared.choices is not None:
        return SelectField(choices=[option(value, label) for value, label in declared.choices.choices()], **about)
    if declared.key.endswith("_colour"):
        return ColorField(validators=[Readable()], **about)
    return Text(declared.title, CHECKS.get(declared.key, []), longest=200, description=declared.hint)


def groups():
    """[(group, [Declared])] in the order in which the groups were announced."""
    order = {}
    for declared in shown():
        order.setdefault(str(declared.group), []).append(declared)
    return list(order.items())


def shown():
    """What is set on this screen."""
    return [declared for declared in settings.DECLARED.values() if not declared.apart]


def settings_form():
    """The StaffForm of all settings."""
    members = {declared.key: field_for(declared) for declared in shown()}
    layout = [(group, [declared.key for declared in found]) for group, found in groups()]
    return type("SettingsForm", (StaffForm,), {"layout": layout, **members})


class SettingsView(BaseView):
    """The settings of the town."""

    route_base = "/mairie/reglages"
    default_view = "edit"

    @expose("/", methods=["GET", "POST"])
    def edit(self):
        require(Noun.setting, "read" if request.method == "GET" else "edit")
        values = {declared.key: settings.get(declared.key) for declared in shown()}
        if not may(Noun.setting, "edit"):
            return self.render_template("staff/settings_read.html", title=_("Settings"), groups=groups(), values=values)
        form = settings_form()(key="settings", shown=values, data=values)
        if form.validate_on_submit() and self._saved(form):
            return redirect(url_for("SettingsView.edit"))
        return self.render_template(
            "staff/form.html", title=_("Settings"), form=form, back_url=""
        ), 422 if request.method == "POST" else 200

    @staticmethod
    def _saved(form):
        before = {declared.key: settings.get(declared.key) for declared in shown()}
        if any(before[key] != form.shown.get(key) for key in before if before[key] or form.shown.get(key)):
            form.show_again(before)
            form.refuse(_("Somebody changed the settings since you opened this page. Compare, then save again."))
            return False
        values = {
            key: (value if value is not None else declared.kind())
            for declared in shown()
            for key, value in [(declared.key, form[declared.key].data)]
        }
        changed = {key: (before[key], value) for key, value in values.items() if value != before[key]}
        with saving():
            for key, (_old, value) in changed.items():
                settings.put(key, value)
            if changed:
                record("setting.edit", by=actor(), noun="setting", changes=changed)
        flash(_("Saved.") if changed else _("Nothing was changed."), "success" if changed else "info")
        return True
