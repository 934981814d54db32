"""Which rule of the database did a write break? Its name, the same on both databases, and the sentence for people."""

from sqlalchemy import Index, UniqueConstraint

from app.core.i18n import _
from app.extensions import db

#: {name of a constraint: sentence}; rooms declare theirs.
SENTENCES = {}


def declare(sentences):
    """Announce the sentences of constraints."""
    SENTENCES.update(sentences)


def violated(error):
    """The name of the constraint that an IntegrityError is about, "" where the database does not tell.

    PostgreSQL says it. SQLite says "UNIQUE constraint failed: table.column, …": the name is found among the table's.
    """
    name = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    if name:
        return name
    kind, _colon, rest = str(error.orig).partition(" constraint failed: ")
    if kind.endswith("UNIQUE"):
        table, columns = rest.split(".")[0], tuple(part.split(".")[-1].strip() for part in rest.split(","))
        return _unique_name(table, columns)
    return rest.strip() if kind.endswith("CHECK") else ""


def _unique_name(table, columns):
    found = db.metadata.tables.get(table)
    rules = [] if found is None else [*found.constraints, *found.indexes]
    for rule in rules:
        unique = isinstance(rule, UniqueConstraint) or (isinstance(rule, Index) and rule.unique)
        if unique and rule.name and tuple(column.name for column in rule.columns) == columns:
            return rule.name
    # Unnamed ones are called as PostgreSQL calls them.
    return f"{table}_{'_'.join(columns)}_key"


def sentence_for(error):
    """What to tell a person about an IntegrityError."""
    sentence = SENTENCES.get(violated(error))
    if sentence is not None:
        return str(sentence)
    if "foreign key" in str(error.orig).lower():
        return _("This cannot be done: other records still belong to this one.")
    return _("This contradicts another record: look whether it exists already.")
