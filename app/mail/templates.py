"""What does the house write in its mails? Each file of templates/mail/, its sentences, and the places in them for values.

A new mail is one file, found by listing the folder; nothing else registers it. Its first line is the subject. It is made of
sentences, `{{ _('… %(day)s …', day=long_day(day)) }}`, one `{{ link('View.page') }}` and `{% include 'mail/_end.txt' %}`. What
stands or falls, or repeats, is a part: `{% if %}` and `{% for %}` only within a `{% block name %}`, on lines of their own. So the
town can rewrite the mail: `{day}`, `{link}`, `{name}` of a block and `{signature}` are the places in its words. At the top may stand

    {% set about = {'when': _('When it leaves'), 'can_wait': true, 'keep': ['link'], 'samples': {'day': '…'}} %}

`can_wait`: it may come in the daily digest. `keep`: the town cannot leave these places out. `samples`: what the preview shows in a
place, a sentence with %(day)s or a place like {link} too; those that _samples() knows need not be told again.
"""

import re
from functools import cached_property
from pathlib import Path

from flask import current_app
from jinja2 import ChainableUndefined, ChoiceLoader, DictLoader, StrictUndefined, Undefined, meta

from app.core import clock
from app.core.errors import DomainError
from app.core.i18n import _, in_locale
from app.core.web import Town

ENDING = "mail/_end.txt"
PLACE = re.compile(r"\{([a-z_]+)\}")
#: Whoever holds one of these opens a door: mails that are made of them are read by their readers alone.
KEYS = frozenset({"token", "code", "key", "secret", "password"})


def names():
    """The names of all mails."""
    return sorted(path.stem for path in Path(current_app.root_path, "templates/mail").glob("[!_]*.txt"))


def template(name):
    """The HouseTemplate of this name; KeyError where there is none."""
    kept = current_app.extensions.setdefault("preau.mails", {})
    if name not in kept:
        if name not in names():
            raise KeyError(name)
        kept[name] = HouseTemplate(name)
    return kept[name]


class HouseTemplate:
    """One mail as the house writes it."""

    def __init__(self, name):
        self.name, self._texts, self._abouts = name, {}, {}

    def words(self, locale):
        """(subject, body) with places like {day} where values come."""
        if locale not in self._texts:
            with in_locale(locale):
                text, self._abouts[locale] = _run(_reading().get_template(self.path), {**_PLACES, "town": Town()}, _place)
            subject, _newline, body = text.strip().partition("\n")
            self._texts[locale] = subject.strip(), tidy(body)
        return self._texts[locale]

    def about(self, locale):
        """What the file says of itself."""
        self.words(locale)
        return self._abouts[locale]

    def places(self, locale):
        """The names of the places, in the order in which they come; the town's name and the signature may stand in every mail."""
        subject, body = self.words(locale)
        return list(dict.fromkeys([*PLACE.findall(f"{subject}\n{body}"), "town", "signature"]))

    def kept(self, locale):
        """The places that the mail is for: the town cannot leave them out."""
        found = self.about(locale).get("keep", ["link"])
        return [name for name in self.places(locale) if name in found]

    def values(self, context):
        """{place: text} in the language of now."""
        noted = _Noted()
        given = {**context, **noted.functions(), "town": Town()}
        environment = _environment()
        _run(environment.get_template(self.path), given, noted.block)
        noted.values.setdefault("town", Town().name)
        noted.values["signature"] = signature(Town())
        plain = {name: str(value) for name, value in context.items() if isinstance(value, (str, int))}
        return {**plain, **noted.values}

    def samples(self, locale):
        """{place: text} of nobody."""
        with in_locale(locale):
            own = self.about(locale).get("samples", {})
            known = {**_samples(), **own, "signature": signature(Town())}
            written = {name: re.sub(r"%\((\w+)\)[sd]", r"{\1}", str(known.get(name, "…"))) for name in self.places(locale)}
            return {name: PLACE.sub(lambda found: str(known.get(found[1], "…")), text) for name, text in written.items()}

    @property
    def can_wait(self):
        """Whether it may come in the daily digest."""
        return bool(self.about("en").get("can_wait", False))

    @cached_property
    def opens_a_door(self):
        """Whether it carries a link or a code that lets somebody in."""
        source, _path, _fresh = current_app.jinja_loader.get_source(current_app.jinja_env, self.path)
        return bool(meta.find_undeclared_variables(_environment().parse(source)) & KEYS)

    @property
    def path(self):
        return f"mail/{self.name}.txt"


def signature(town):
    """How every mail ends, in the language of now."""
    return _environment().get_template(ENDING).render(town=town, _=_).strip("\n")


def _samples():
    """What the preview shows in places that many mails have."""
    from app.mail.texts import long_day, moment

    return {
        "name": "Camille Exemple",
        "username": "camille.exemple",
        "town": Town().name,
        "number": "2026-0412",
        "day": long_day(clock.today()),
        "moment": moment(clock.now()),
        "link": f"{current_app.config['BASE_URL']}/exemple",
        "amount": "55,10 €",
        "child": "Camille",
        "subject": _("Example"),
        "title": _("Example"),
        "text": _("This is only an example."),
    }


class _Noted:
    """Listens while a template is rendered: which value comes into which place."""

    def __init__(self):
        self.values, self.inside = {}, 0

    def functions(self):
        from app.mail.texts import link, long_day, long_days, moment

        return {
            "_": self._sentence,
            "link": lambda endpoint, **values: self._note("link", link(endpoint, **values)),
            "long_day": long_day,
            "long_days": long_days,
            "moment": moment,
        }

    def _sentence(self, string, **values):
        for name, value in values.items():
            self._note(name, value)
        return _(string, **values)

    def _note(self, name, value):
        if not self.inside:
            text = str(value)
            if current_app.testing and self.values.get(name, text) != text:
                raise AssertionError(f"two values for the place {name}: put one of them into a block of another name")
            self.values[name] = text
        return value

    def block(self, name, render):
        """What a block puts into its place."""

        def noting(context):
            self.inside += 1
            text = "".join(render(context))
            self.inside -= 1
            self.values[name] = tidy(text.rstrip()).strip("\n")
            yield text

        return noting


class _Place(ChainableUndefined):
    """A value while a template is only read: it shows its place, and decides nothing."""

    def __str__(self):
        return f"{{{self._undefined_name}}}"

    def _refuse(self, *_args):
        raise TypeError("in a mail, {% if %} and {% for %} stand within a {% block %}: see app/mail/templates.py")

    __bool__ = __iter__ = __len__ = __eq__ = __lt__ = __gt__ = _refuse
    __hash__ = Undefined.__hash__


def _sentence(string, **values):
    """A sentence with its places; a number's place too."""
    return re.sub(r"%\((\w+)\)[sd]", r"{\1}", _(string)).replace("%%", "%") if values else _(string)


#: What templates call, while they are only read.
_PLACES = {
    "_": _sentence,
    "link": lambda *_args, **_values: "{link}",
    "long_day": lambda day: day,
    "long_days": lambda days: days,
    "moment": lambda instant: instant,
}


def _place(name, _render):
    return lambda _context: iter([f"{{{name}}}\n"])


def _run(found, values, block):
    """(text, exported names' about) of a template whose blocks are rendered by block(name, its own function)."""
    context = found.new_context(values)
    context.blocks = {name: [block(name, render) for render in renders] for name, renders in context.blocks.items()}
    text = "".join(found.root_render_func(context))
    return text, context.get_exported().get("about", {})


def tidy(text):
    """At most one empty line between two others, one newline at the end."""
    return re.sub(r"\n{3,}", "\n\n", text.strip("\n")) + "\n"


def check(name, locale, text):
    """Raise DomainError where a text of the town names a place that its mail does not have, or has a brace too many."""
    known = template(name).places(locale)
    for word in PLACE.findall(text):
        if word not in known:
            raise DomainError(_("{%(name)s} is not known in this mail. Choose from the list.", name=word))
    if re.search(r"[{}]", PLACE.sub("", text)):
        raise DomainError(_("A brace { or } stands alone. Write a place like this: %(example)s", example=f"{{{known[0]}}}"))


def _environment():
    """The application's templates; in tests a name that is not there is an error, for a town it is a gap in a sentence."""
    return _kept("preau.mail_environment", lambda: {"undefined": StrictUndefined if current_app.testing else Undefined})


def _reading():
    """The same, to read the house's words without any value."""
    ending = DictLoader({ENDING: "\n{signature}\n"})
    return _kept(
        "preau.mail_reading",
        # Its filters are others: what is compiled with them is no page for anybody else.
        lambda: {"undefined": _Place, "loader": ChoiceLoader([ending, current_app.jinja_env.loader]), "bytecode_cache": None},
        filters={name: lambda value, *_args, **_more: value for name in current_app.jinja_env.filters},
    )


def _kept(key, settings, **more):
    kept = current_app.extensions.get(key)
    if kept is None:
        kept = current_app.jinja_env.overlay(trim_blocks=True, lstrip_blocks=True, **settings())
        vars(kept).update(more)
        current_app.extensions[key] = kept
    return kept
