"""What has a clerk chosen on a form? Verdicts with the version and the values that the screen showed."""

import re
from dataclasses import dataclass, field

from app.changes.decisions import Verdict
from app.changes.models import Outcome
from app.core.encryption import unseal
from app.core.errors import Stale
from app.core.forms import named_id
from app.core.i18n import _

REASON_LENGTH = 1000


@dataclass(frozen=True)
class Chosen:
    """Which requests (`at`: "id.version") get which word, and why."""

    outcome: Outcome = Outcome.accept
    at: tuple = ()
    reason: str = ""
    reason_id: int = 0
    posted: bool = False
    ids: frozenset = field(default_factory=frozenset)

    @classmethod
    def read(cls, form):
        """From a posted form or an address."""
        at = tuple(text for text in form.getlist("at") if re.fullmatch(r"\d{1,9}\.\d{1,9}", text))
        outcome = form.get("outcome") or form.get("as") or "accept"
        return cls(
            outcome=Outcome(outcome) if outcome in [one.value for one in Outcome] else Outcome.accept,
            at=at,
            reason=form.get("reason", "").strip(),
            reason_id=named_id(form.get("reason_id")) or 0,
            posted="outcome" in form,
            ids=frozenset(int(text.partition(".")[0]) for text in at),
        )

    @property
    def lacks_reason(self):
        """Whether the family would not be told why, or at too great a length."""
        return self.outcome is not Outcome.accept and not (0 < len(self.reason) <= REASON_LENGTH)


def verdicts_from(form, chosen):
    """The Verdicts of a form: for accepting from what it showed, sealed; for refusing from the versions that it showed."""
    if chosen.outcome is not Outcome.accept:
        return [Verdict(*map(int, text.split(".")), chosen.outcome, reason=chosen.reason) for text in chosen.at]
    only = form.get("only", "all")
    tokens = [_opened(text) for text in form.getlist("shown")]
    if only == "all":
        # The waiting list stays as it is while the rest of the lot is accepted.
        tokens = [token for token in tokens if not token.get("queued")] or tokens
    if only == "ticked":
        return [_accepted(form, token) for token in tokens if token["request"] in chosen.ids]
    return [_accepted(form, token) for token in tokens if only in ("all", str(token["request"]))]


def _opened(text):
    try:
        return unseal(text)
    except ValueError as forged:
        raise Stale(_("This page is too old: reload it and decide again.")) from forged


def _accepted(form, token):
    """A verdict on one request: the ticked fields where a part can be taken, all of them where none is offered."""
    number = token["request"]
    ticked = [name for name in token["fields"] if name in form.getlist(f"part-{number}")]
    offered = f"parts-{number}" in form
    fields = ticked if offered and len(ticked) < len(token["fields"]) else None
    return Verdict(
        number,
        token["version"],
        Outcome.accept,
        fields=fields,
        seen=token["seen"],
        despite_conflict=f"despite-{number}" in form,
        reason=form.get(f"why-{number}", "").strip()[:REASON_LENGTH] if fields is not None else "",
    )
