"""What can a town set about requests?"""

from app.core import settings
from app.core.i18n import _l

settings.declare(
    "undo_seconds",
    int,
    10,
    _l("Undo window of a decision, in seconds"),
    hint=_l("0 applies a decision at once."),
    group=_l("Requests"),
    minimum=0,
    maximum=300,
)
settings.declare(
    "lot_minutes", int, 10, _l("Minutes in which a family's requests form one lot"), group=_l("Requests"), minimum=1, maximum=60
)
settings.declare(
    "target_days",
    int,
    3,
    _l("Days in which a request should be decided"),
    hint=_l("Older ones turn red in the queue."),
    group=_l("Requests"),
    minimum=1,
    maximum=60,
)
settings.declare(
    "implied_months",
    int,
    2,
    _l("Months after which silence is a decision"),
    hint=_l("Printed on the receipt (art. L231-1 and L231-4 CRPA)."),
    group=_l("Requests"),
    minimum=1,
    maximum=12,
)
settings.declare(
    "silence_accepts",
    bool,
    True,
    _l("Silence counts as acceptance"),
    hint=_l("The rule of art. L231-1 CRPA; where an exception of art. L231-4 applies, silence is a refusal. Printed on the receipt."),
    group=_l("Requests"),
)
settings.declare(
    "notice_minutes",
    int,
    60,
    _l("Minutes after which a family hears of decisions although others of the same lot still wait"),
    group=_l("Requests"),
    minimum=1,
    maximum=1440,
)


def auto_accept_key(kind):
    """The setting that lets the system accept requests of a kind by itself."""
    return f"auto_accept_{kind.name}"


def declare_for_kinds(kinds):
    """One switch a kind, off by default; none for kinds that are never accepted in bulk."""
    for kind in kinds:
        if kind.bulk:
            settings.declare(
                auto_accept_key(kind), bool, False, kind.title, group=_l("Accepted automatically when the checks find nothing")
            )
