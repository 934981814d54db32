"""Which family, which child does somebody mean? Names typed into a form, or completed by a script."""

import re

from flask import abort, jsonify, request
from flask_appbuilder import BaseView, expose
from sqlalchemy import exists, or_, select

from app.children.models import Child, Household
from app.core import search
from app.core.errors import DomainError
from app.core.i18n import _, date_text
from app.extensions import db
from app.families.models import Adult, Family
from app.security.scope import require
from app.security.who_sees_what import Noun


class Ambiguous(DomainError):
    """Several rows, or none, answer to what was typed."""

    def __init__(self, sentence, labels=()):
        super().__init__(sentence)
        self.labels = list(labels)


def adult_matches(word):
    """The SQL condition that an adult answers to a word: a name, a telephone number, an e-mail address."""
    named = (search.contains(column, word) for column in (Adult.first_name, Adult.last_name, Adult.birth_name))
    return or_(*named, search.has_number((Adult.mobile, Adult.phone, Adult.work_phone), word), search.has_address(Adult.email, word))


def family_matches(word):
    """The SQL condition that a family, one of its adults or of its children answers to a word."""
    adult = exists().where(Adult.family_id == Family.id, adult_matches(word))
    child = exists().where(
        Household.family_id == Family.id,
        Household.ended_on.is_(None),
        Child.id == Household.child_id,
        or_(search.contains(Child.first_name, word), search.contains(Child.last_name, word)),
    )
    return or_(search.contains(Family.name, word), search.contains(Family.code, word), adult, child)


def child_matches(word):
    """The SQL condition that a child answers to a word."""
    return or_(search.contains(Child.first_name, word), search.contains(Child.last_name, word))


def _family_label(row):
    return f"{row.name} ({row.code})"


def _child_label(row):
    return f"{row.first_name} {row.last_name}, {date_text(row.birth_date, 'dd/MM/yyyy')} (n° {row.id})"


#: name in addresses: (model, noun that must be readable, condition on a word, label, pattern of the label's end, column that it names)
CHOICES = {
    "famille": (Family, Noun.family, family_matches, _family_label, re.compile(r"(?:^|\()\s*(F\d+)\)?\s*$", re.I), Family.code),
    "enfant": (Child, Noun.child, child_matches, _child_label, re.compile(r"\(n° ?(\d{1,9})\)\s*$", re.I), Child.id),
}


def label_of(of, row_id):
    """What a row is called in a form."""
    model, _noun, _matches, label, _pattern, _column = CHOICES[of]
    row = db.session.get(model, row_id) if row_id < 2**31 else None
    return label(row) if row is not None else ""


def found(of, text, limit=12):
    """Rows that answer to every word of a text, by name."""
    model, _noun, matches, _label, _pattern, _column = CHOICES[of]
    order = (Family.name, Family.id) if model is Family else (Child.last_name, Child.first_name, Child.id)
    query = select(model).where(model.archived_at.is_(None), *(matches(word) for word in search.words(text)))
    return db.session.scalars(query.order_by(*order).limit(limit)).all()


def rows_named(of, text):
    """The id of the one row that a text names. Raises Ambiguous, with the labels to choose from."""
    model, _noun, _matches, label, pattern, column = CHOICES[of]
    if match := pattern.search(text):
        value = int(match[1]) if column is Child.id else match[1].upper()
        row_id = db.session.scalar(select(model.id).where(column == value))
        if row_id is not None:
            return row_id
    rows = found(of, text, limit=6)
    if len(rows) == 1:
        return rows[0].id
    if not rows:
        raise Ambiguous(_("Nobody of this name is known: check the spelling, or search in the list."))
    raise Ambiguous(_("Several answer to this name: choose one of those below."), map(label, rows))


class ChoiceView(BaseView):
    """Suggestions for the fields that name a family or a child."""

    route_base = "/mairie/choix"
    default_view = "suggest"

    @expose("/<of>")
    def suggest(self, of):
        if of not in CHOICES:
            abort(404)
        _model, noun, _matches, label, _pattern, _column = CHOICES[of]
        require(noun, "read")
        text = request.args.get("q", "")[:80]
        return jsonify([label(row) for row in found(of, text)] if len(text.strip()) > 1 else [])
