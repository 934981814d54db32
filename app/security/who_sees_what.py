"""Who sees what? The one table: noun × viewer. Roles, views, the portal and the contract tests are made from it."""

from enum import StrEnum
from functools import cache


class Noun(StrEnum):
    """What the town keeps; the value is the name of the permission in Flask-AppBuilder."""

    family = "Family"
    #: Names and telephones of the adults: whom to call when a child falls ill.
    contacts = "Contacts"
    guardian = "Guardian"
    spouse = "Spouse"
    tax = "Tax"
    caf = "Caf"
    bank = "Bank"
    child = "Child"
    household = "Household"
    photo = "Photo"
    authorisations = "Authorisations"
    pickup = "PickUp"
    complementary = "Complementary"
    allergies = "Allergies"
    health = "Health"
    health_reads = "HealthReads"
    school = "SchoolEnrolment"
    enrolment = "Enrolment"
    #: Bookings and absences.
    booking = "Booking"
    paper = "Paper"
    attendance = "Attendance"
    kitchen = "Kitchen"
    #: Price grids, and what a household pays by them.
    tariff = "Tariff"
    #: What households were granted, and what others pay for them.
    grant = "Grant"
    #: Bills, invoices, the account and its documents.
    bill = "Bill"
    #: What was received, and its receipts.
    payment = "Payment"
    #: Conversations with the town.
    message = "Message"
    #: What the town sends to many, and says to all.
    broadcast = "Broadcast"
    request = "Request"
    #: Families that the town does not know yet, and the papers that they sent.
    preregistration = "Preregistration"
    account = "Account"
    mail = "Mail"
    log = "Log"
    reference = "Reference"
    setting = "Setting"


class Viewer(StrEnum):
    """Who looks. The first three hold the role `famille`; the others are roles of the staff."""

    guardian = "guardian"
    spouse = "spouse"
    #: The other household of a shared child, looking at what belongs to this one.
    other_household = "other_household"
    administrator = "administrator"
    clerk = "clerk"
    regisseur = "regisseur"
    animator = "animator"
    reader = "reader"


FAMILY_ROLE = "famille"
FAMILY_VIEWERS = (Viewer.guardian, Viewer.spouse, Viewer.other_household)
STAFF_ROLES = (Viewer.administrator, Viewer.clerk, Viewer.regisseur, Viewer.animator, Viewer.reader)

LETTERS = {"r": "read", "a": "ask", "d": "decide", "e": "edit"}

#: r read, a ask (file a request; for staff: enter one for a family), d decide requests about it, e edit directly; "-" nothing.
#: Parental authority is not changed by separation (art. 373-2 C. civ.): what belongs to the child is open to both households;
#: address, income, bank details, messages and bills of a household are its own.
TABLE = {
    #                     guardian spouse other | admin  clerk  régis. anim. reader
    Noun.family:         ("r",    "r",    "-",    "re",   "re",   "r",   "-",  "r"),
    Noun.contacts:       ("r",    "r",    "-",    "r",    "r",    "r",   "r",  "r"),
    Noun.guardian:       ("ra",   "r",    "-",    "rade", "rade", "r",   "-",  "r"),
    Noun.spouse:         ("ra",   "ra",   "-",    "rade", "rade", "r",   "-",  "r"),
    Noun.tax:            ("ra",   "r",    "-",    "rade", "rade", "r",   "-",  "-"),
    Noun.caf:            ("ra",   "r",    "-",    "rade", "rade", "r",   "-",  "-"),
    Noun.bank:           ("ra",   "-",    "-",    "rade", "rade", "rde", "-",  "-"),
    Noun.child:          ("ra",   "ra",   "r",    "rade", "rade", "r",   "r",  "r"),
    Noun.household:      ("r",    "r",    "-",    "re",   "re",   "r",   "-",  "-"),
    Noun.photo:          ("ra",   "ra",   "ra",   "rade", "rade", "-",   "r",  "r"),
    Noun.authorisations: ("ra",   "ra",   "ra",   "rade", "rade", "-",   "r",  "r"),
    Noun.pickup:         ("ra",   "ra",   "-",    "rade", "rade", "-",   "r",  "-"),
    Noun.complementary:  ("ra",   "ra",   "ra",   "rade", "rade", "-",   "r",  "r"),
    Noun.allergies:      ("r",    "r",    "r",    "r",    "r",    "-",   "r",  "-"),
    Noun.health:         ("ra",   "ra",   "ra",   "rade", "rade", "-",   "-",  "-"),
    Noun.health_reads:   ("r",    "r",    "r",    "r",    "-",    "-",   "-",  "-"),
    Noun.school:         ("ra",   "ra",   "ra",   "rade", "rade", "r",   "r",  "r"),
    Noun.enrolment:      ("ra",   "ra",   "-",    "rade", "rade", "r",   "r",  "r"),
    Noun.booking:        ("ra",   "ra",   "r",    "rade", "rade", "r",   "r",  "r"),
    Noun.paper:          ("ra",   "ra",   "-",    "rade", "rade", "-",   "-",  "-"),
    Noun.attendance:     ("-",    "-",    "-",    "re",   "re",   "r",   "re", "r"),
    Noun.kitchen:        ("-",    "-",    "-",    "re",   "re",   "r",   "re", "r"),
    Noun.tariff:         ("r",    "r",    "r",    "re",   "re",   "re",  "-",  "r"),
    Noun.grant:          ("-",    "-",    "-",    "re",   "re",   "r",   "-",  "-"),
    Noun.bill:           ("r",    "r",    "-",    "re",   "re",   "re",  "-",  "-"),
    Noun.payment:        ("ra",   "ra",   "-",    "re",   "re",   "re",  "-",  "-"),
    Noun.message:        ("ra",   "ra",   "-",    "re",   "re",   "re",  "-",  "-"),
    Noun.broadcast:      ("-",    "-",    "-",    "re",   "re",   "-",   "-",  "-"),
    Noun.request:        ("ra",   "ra",   "-",    "rad",  "rad",  "rd",  "-",  "-"),
    Noun.preregistration: ("-",    "-",    "-",    "rade", "rade", "-",   "-",  "-"),
    Noun.account:        ("r",    "r",    "-",    "re",   "re",   "-",   "-",  "-"),
    Noun.mail:           ("r",    "r",    "-",    "re",   "re",   "-",   "-",  "-"),
    Noun.log:            ("-",    "-",    "-",    "r",    "r",    "-",   "-",  "-"),
    Noun.reference:      ("-",    "-",    "-",    "re",   "re",   "r",   "r",  "r"),
    Noun.setting:        ("-",    "-",    "-",    "re",   "r",    "-",   "-",  "-"),
}  # fmt: skip


@cache
def permissions(noun, viewer):
    """What a viewer may do with a noun: a set of "read", "ask", "decide", "edit"; nobody may nothing."""
    if viewer is None:
        return frozenset()
    letters = TABLE[noun][list(Viewer).index(viewer)]
    return frozenset(LETTERS[letter] for letter in letters if letter != "-")


def fab_roles():
    """The roles as Flask-AppBuilder wants them in FAB_ROLES: every pattern ends with $, since it matches from the start only.

    A role in code costs no permission queries and cannot drift from this table.
    """

    def entries(*viewers):
        for noun in Noun:
            granted = sorted(set().union(*(permissions(noun, viewer) for viewer in viewers)))
            if granted:
                yield [f"{noun.value}$", f"can_({'|'.join(granted)})$"]

    roles = {role.value: list(entries(role)) for role in STAFF_ROLES}
    roles[FAMILY_ROLE] = list(entries(*FAMILY_VIEWERS))
    return roles
