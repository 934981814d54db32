"""How does a test get a request without clicking through a form? Through submit(), as a family's save does."""

from app.changes.kinds import KINDS, Proposal
from app.changes.models import Act, ChangeRequest
from app.changes.operations import submit
from app.core import clock
from app.core.codec import encode
from app.core.db import unit_of_work
from app.extensions import db
from app.security.models import Account, FamilyLink
from app.security.scope import Standing
from app.security.who_sees_what import Viewer


def make_request(
    kind, family_id, changes, *, act="edit", target_id=None, child_id=None, comment="", channel="portal", by=None, sealed=True
):
    """A request of a family, by its guardian's account; the clock moves past the lot's minutes unless `sealed` is false. Returns its id.

    `changes` is {field: new value}; `target_id` the row's id, for a section of the household its own, of a child `child_id`.
    """
    kind, act = KINDS[kind], Act[act]
    with unit_of_work():
        account = by or db.session.scalar(
            db.select(Account).join(FamilyLink).where(FamilyLink.family_id == family_id).order_by(FamilyLink.id).limit(1)
        )
        target = kind.find(target_id or child_id or family_id, family_id) if act is not Act.add else None
        before = kind.read(target) if target is not None else {}
        after = {**before, **{name: encode(value) for name, value in changes.items()}}
        proposal = Proposal(act=act, target=target, child_id=child_id, before=before, shown=before, after=after, comment=comment)
        standing = Standing(
            account.id, family_id, Viewer.guardian, channel=channel, received_on=clock.today() if channel != "portal" else None
        )
        request = submit(kind, proposal, standing=standing, by=account)
        number = request.id
    if sealed:
        seal_all()
    return number


def seal_all():
    """Move on until the lots of now can be decided."""
    clock.advance(minutes=11)


def request_of(number):
    """The request of this id, as it is now."""
    return db.session.get(ChangeRequest, number, populate_existing=True)
