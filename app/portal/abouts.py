"""What can a family's message be about, how is it called, and where does the family see it?"""

from flask import url_for

from app.changes.kinds import KINDS
from app.core.i18n import _
from app.messages.models import About
from app.portal.queries import own_request


def title_of(kind, number):
    """The title of what the acting family may read, or None: another family's is nothing."""
    find = _TITLES.get(kind)
    return find(number) if find is not None else None


def url_of(kind, number):
    """Where the family sees it, or None."""
    page = _PAGES.get(kind)
    return page(number) if page is not None else None


def _request(number):
    row = own_request(number)
    kind = KINDS.get(row.kind) if row is not None else None
    return _("Request: %(section)s", section=kind.title) if kind is not None else None


def _lot(number):
    row = own_request(number)
    return url_for("RequestsView.lot", lot_id=row.lot_id) if row is not None else None


_TITLES = {About.request: _request}
_PAGES = {About.request: _lot}
