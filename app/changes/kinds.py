"""What is a kind of request? The contract that a section of the file fulfils, and the register of kinds."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from sqlalchemy import inspect

from app.changes.models import Act, Lane
from app.core.codec import decode, encode
from app.core.enums import Labelled
from app.core.errors import DomainError, Stale
from app.core.i18n import _, _l, date_text, number
from app.extensions import db
from app.security.who_sees_what import Noun

KINDS = {}


class Tab(Labelled):
    """The guide's two groups of tabs in the list of requests, in its order and words; and what only the queue has."""

    guardian = "guardian", _l("Guardian information")
    spouse = "spouse", _l("Spouse information")
    tax = "tax", _l("Tax information")
    caf = "caf", _l("CAF information")
    bank = "bank", _l("Bank information")
    new_child = "new_child", _l("New child")
    authorisations = "authorisations", _l("Authorisations")
    complementary = "complementary", _l("Complementary data")
    health = "health", _l("Health data")
    enrolments = "enrolments", _l("Enrolments")
    bookings = "bookings", _l("Bookings")
    absences = "absences", _l("Absences")
    #: In the queue alone: whoever asks has no list yet.
    preregistrations = "preregistrations", _l("Pre-registrations")

    @property
    def group(self):
        if self is Tab.preregistrations:
            return "preregistrations"
        return "account" if self in (Tab.guardian, Tab.spouse, Tab.tax, Tab.caf, Tab.bank) else "children"

    @property
    def of_days(self):
        """Whether its requests are about single days: a family has hundreds of them, and reads them in the agenda."""
        return self in (Tab.bookings, Tab.absences)


@dataclass(frozen=True)
class Finding:
    """What an automatic check noticed: the lane that it sends a request to, and the sentence for the clerk."""

    lane: Lane
    sentence: str


@dataclass
class Proposal:
    """What a form recorded instead of writing. Values are JSON values of core/codec."""

    act: Act
    target: object = None
    child_id: int | None = None
    #: What the form showed of the file.
    before: dict = field(default_factory=dict)
    #: What it showed in its fields: the file, overlaid with what already waited.
    shown: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)
    comment: str = ""
    key: str | None = None
    #: The request to add something that this one takes the place of.
    replaces: int | None = None
    #: Somebody of the town asks for the family: rules about when do not stop it.
    by_clerk: bool = False


class Kind:
    """One section of the file that a family may ask to change.

    A kind names its model, form, fields, tab and noun. Those that are plain sections of a row override nothing; the others
    override read(), write(), create(), remove() or check(). It lives in <domain>/changes.py, and nowhere else.
    """

    name: str
    noun: Noun
    title: object
    tab: Tab
    model: type
    form: type
    acts = frozenset({Act.edit})
    #: Never accepted in bulk: bank details, custody and pick-up persons, health, income, names.
    bulk = True
    #: Values stay out of the audit log.
    secret = False
    #: The family types its password again.
    needs_password = False
    #: Words under the form's title.
    hint = ""

    # -- whose rows -----------------------------------------------------------------------------------------------------------

    def of_family(self, family_id):
        """The SQL condition that a row of the model may be asked about by this family."""
        return self.model.of_family(family_id)

    def find(self, target_id, family_id, lock=False):
        """The row, fresh and if asked locked, or None where it is gone or another family's."""
        query = db.select(self.model).where(self.model.id == target_id, self.of_family(family_id)).execution_options(populate_existing=True)
        return db.session.scalar(query.with_for_update() if lock else query)

    def parent(self, child_id, family_id):
        """The child that a record is to be added to, or None where the family has no such child; for kinds that add to a child."""
        return None

    @property
    def adds_to_child(self):
        """Whether adding needs to know for which child."""
        return type(self).parent is not Kind.parent

    def child_id(self, target):
        """The child that a row is about, or None."""
        return getattr(target, "child_id", None)

    # -- values ---------------------------------------------------------------------------------------------------------------

    @property
    def fields(self):
        """Names of the fields that a family may propose: those of the form."""
        return tuple(name for name in self.form.field_names() if name not in self.form.aside)

    @property
    def asks(self):
        """Names of all that its form asks: the fields, and the proofs that may come with them."""
        return (*self.fields, *self.form.proofs)

    def section(self, target):
        """The row whose attributes the fields are: the target itself, or one that belongs to it (may be None)."""
        return target

    def new_section(self, target):
        """Make the row that section() did not find."""
        raise NotImplementedError(self.name)

    def read(self, target):
        """{field: JSON value} of the file as it is now."""
        row = self.section(target)
        return {name: None if row is None else encode(getattr(row, name)) for name in self.fields}

    def write(self, target, values, *, request):
        """Put accepted {field: JSON value} into the file, within the open unit of work."""
        row = self.section(target) or self.new_section(target)
        for name, value in values.items():
            setattr(row, name, self.decode(name, value))

    def create(self, values, *, request):
        """Make the record that a request of act `add` asks for; returns it."""
        raise NotImplementedError(self.name)

    def remove(self, target, *, request):
        """Do what a request of act `delete` asks for."""
        raise NotImplementedError(self.name)

    def section_model(self):
        """The model whose columns the fields are."""
        return self.model

    def type_of(self, name):
        """The Python type of a field's values, or None for plain JSON."""
        column = inspect(self.section_model()).columns.get(name)
        return None if column is None else column.type.python_type

    def decode(self, name, value):
        """A field's Python value."""
        return decode(self.type_of(name), value)

    def same(self, name, one, other):
        """Whether two JSON values of a field mean the same: 99.5 is 99.50."""
        return self.decode(name, one) == self.decode(name, other)

    # -- rules ----------------------------------------------------------------------------------------------------------------

    def read_ahead(self, proposals, family_id):
        """Read with few queries what the rules want of many proposals; within the unit of work that sends them, the family locked."""

    def refuse_if_invalid(self, proposal, family_id):
        """Raise DomainError where a proposal breaks a rule that the form cannot see."""

    def check(self, request, target):
        """The Findings that a clerk should know; none at all: the green lane."""
        return []

    # -- what follows a request about days --------------------------------------------------------------------------------------------

    def sent(self, request):
        """Note what the request occupies while it is open; within the unit of work that sends it, before its checks.

        The request is written with what this adds to it: before a flush it has no id.
        """

    def confirm(self, request):
        """The family takes what was offered to it; Stale where the offer is gone."""
        raise Stale(_("There is nothing to confirm here."))

    def closed(self, request):
        """Give back what the request occupied: it was decided, withdrawn or replaced."""

    # -- words ----------------------------------------------------------------------------------------------------------------

    def label(self, name):
        """What a field is called, for people."""
        return self.form.label_of(name)

    def show(self, name, value):
        """A JSON value as people read it; "" for none."""
        value = self.decode(name, value)
        if value is None:
            return ""
        if isinstance(value, bool):
            return _("yes") if value else _("no")
        if isinstance(value, Labelled):
            return str(value.label)
        if isinstance(value, date):
            return date_text(value, "short")
        if isinstance(value, Decimal):
            return number(value)
        return str(value)

    def stands(self, name, value, target):
        """What the file holds as the family reads it on its pages, where that is more than the value."""
        return self.show(name, value)

    def reveal(self, name, value):
        """The same for the clerk who decides: nothing masked, since an IBAN must be compared with its slip."""
        return self.show(name, value)

    def parts(self, request):
        """[(title, [(label, text)])] of what is asked, where it is more than a table of fields; else none."""
        return []

    def remark(self, request):
        """What the family should know of a request that waits, in a sentence; "" for nothing."""
        return ""

    def is_file(self, name):
        """Whether a field holds the id of a stored file."""
        return name in self.form.file_names()

    #: Many of them at once are told in one line, and decided in one table.
    gathers = False

    def gathered(self, requests):
        """[(what they ask in one line, [requests])] for kinds that gather."""
        raise NotImplementedError(self.name)

    def about(self, request, target):
        """Whom or what a request is about, for lists: "Léa Galbert"; "" for the household."""
        return str(target) if target is not None and self.child_id(target) else ""


def register(cls):
    """Class decorator: announce a kind. The portal, the queue, the permissions and the contract tests follow."""
    kind = cls()
    if kind.name in KINDS:
        raise ValueError(f"two kinds are called {kind.name}")
    KINDS[kind.name] = kind
    return cls


def kind_of(name):
    """The kind of this name; DomainError where it no longer exists."""
    if name not in KINDS:
        raise DomainError(_("This kind of request does not exist."))
    return KINDS[name]
