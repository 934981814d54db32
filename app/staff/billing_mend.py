"""Where is it mended? Each anomaly of a bill leads to the screen on which a clerk puts it right."""

from flask import current_app, url_for

from app.core.i18n import _
from app.security.scope import may
from app.security.who_sees_what import Noun

NOWHERE = ("", "")


def mend(anomaly, bill):
    """(address, label) of the screen for an anomaly of a Bill; empty where nothing is to be done or the person may not."""
    code = anomaly["code"]
    if code in ("no_tariff", "no_cell"):
        return _to("TariffView.list", Noun.tariff, "edit", _("Tariffs"))
    if code == "no_quotient":
        return _to("QuotientView.add", Noun.caf, "edit", _("Enter the quotient"), family=bill.family_id)
    if code == "carried" and anomaly.get("carried", "").startswith("-"):
        return _to("AdjustmentView.list", Noun.bill, "edit", _("Adjustments"), q=bill.family.code)
    if code == "elsewhere":
        return _to("InvoiceView.list", Noun.bill, "read", _("The other invoice"), q=anomaly.get("number", ""))
    if code in ("unbooked", "not_marked") and anomaly.get("days"):
        return _on_the_sheet(anomaly)
    if code == "changed" and bill.invoice_id:
        return _to("InvoiceView.correct", Noun.bill, "edit", _("Correct"), pk=bill.invoice_id)
    return NOWHERE


def _on_the_sheet(anomaly):
    """The child on the sheet of the first day that is odd."""
    day, child_id, unit_id = anomaly["days"][0], anomaly.get("child_id"), anomaly.get("unit_id")
    if child_id and unit_id:
        return _to("AttendanceView.child", Noun.attendance, "edit", _("The sheet of that day"), child_id=child_id, unit=unit_id, day=day)
    return _to("AttendanceView.choose", Noun.attendance, "edit", _("The sheets of that day"), day=day)


def _to(endpoint, noun, permission, label, **values):
    if endpoint not in current_app.view_functions or not may(noun, permission):
        return NOWHERE
    return url_for(endpoint, **values), label
