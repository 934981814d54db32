"""What happened in Saint-Exemple? Requests in every state, sent and decided through the same operations as real ones."""

from datetime import timedelta

from sqlalchemy import func, select, update

from app.audit.models import HealthRead
from app.changes.decisions import Verdict, apply_due, decide
from app.changes.kinds import Proposal
from app.changes.models import Act, ChangeRequest, Outcome, RefusalReason, RequestState
from app.changes.notices import send_receipts, tell_decisions
from app.changes.operations import seal, submit, withdraw
from app.children.models import Child
from app.core import clock
from app.core.db import unit_of_work
from app.core.errors import DomainError
from app.demo import days, identifiers, names, preregistrations, wishes
from app.extensions import db
from app.families.models import Family
from app.mail.models import MailState, OutgoingMail
from app.security.models import Account
from app.security.scope import Standing
from app.security.who_sees_what import Viewer

#: How many days of history; and how many requests at most, whatever the size of the town.
DAYS, PAST_AT_MOST, WAITING_AT_MOST = 30, 150, 200
#: A clerk decides at these times of working days.
SESSIONS = ((9, 40), (14, 40))
ENDS = {"accept": 62, "part": 7, "refuse": 13, "withdraw": 6, "again": 7, "send_back": 5}


class Story:
    """The town's last month, told in the order of time."""

    def __init__(self, world):
        self.world, self.events, self.to_decide = world, [], []
        self.reasons = None

    # -- telling it -------------------------------------------------------------------------------------------------------------

    def add(self, instant, act, *args):
        """Something that happens then."""
        self.events.append((instant, len(self.events), act, args))

    def tell(self):
        """Let everything happen, then let the clock stand at the present."""
        for days_ago in range(DAYS + 1, -1, -1):
            if self.world.at(days_ago, 12).weekday() < 5:
                for hour, minute in SESSIONS:
                    session = self.world.at(days_ago, hour, minute)
                    if session < self.world.present - timedelta(minutes=30):
                        self.add(session, self.clerk_session)
        for instant, _rank, act, args in sorted(self.events, key=lambda event: event[:2]):
            clock.stop_at(instant)
            act(*args)
        clock.stop_at(self.world.present)
        self.work()

    def work(self):
        """What the worker does, except that no mail leaves."""
        apply_due(limit=1000)
        send_receipts(limit=1000)
        tell_decisions(limit=1000)

    # -- families ---------------------------------------------------------------------------------------------------------------

    def ask(self, home, name, end=None, channel="portal"):
        """A family sends a wish; `end` says what becomes of it. A wish that it cannot have is left out."""
        with unit_of_work():
            wanted = name(self.world, home) if callable(name) else wishes.WISHES[name][0](self.world, home)
            wanted = wanted if isinstance(wanted, list) else [wanted] if wanted else []
            sent = [request for one in wanted if (request := self.send(home, one, channel)) is not None]
            for request in sent:
                self._plan(home, request, end)
        return sent[0] if sent else None

    def ask_until_sent(self, home, name, channel):
        """Not every family can wish everything: let others try."""
        for _attempt in range(8):
            if self.ask(home, name, None, channel) is not None:
                return
            home = self.someone()

    def send(self, home, wanted, channel="portal"):
        """Send a wish through submit(), as the form would."""
        clerk = self.world.staff["agent"]
        account = home.account if home.account is not None and channel == "portal" else clerk
        standing = Standing(
            account.id,
            home.family.id,
            Viewer.guardian,
            adult_id=home.adult_id,
            channel=channel,
            received_on=None if channel == "portal" else clock.today() - timedelta(days=1),
        )
        before = wanted.kind.read(wanted.target) if wanted.act is Act.edit else {}
        files = {field: make(self.world, wanted.kind, home, wanted.child_id) for field, make in wanted.files.items()}
        comment = wanted.comment or (self.world.pick(names.COMMENTS) if self.world.chance(0.15) else "")
        proposal = Proposal(
            act=wanted.act,
            target=wanted.target,
            child_id=wanted.child_id,
            before=before,
            shown=before,
            after={**before, **wanted.after, **files},
            comment=comment,
        )
        try:
            with db.session.begin_nested():
                wanted.kind.refuse_if_invalid(proposal, home.family.id)
                return submit(wanted.kind, proposal, standing=standing, by=account)
        except DomainError:
            return None

    def _plan(self, home, request, end):
        if end in ("withdraw", "again"):
            clock.stop_at(clock.now() + timedelta(minutes=4))
        if end == "withdraw":
            withdraw(request, by=db.session.get(Account, request.asked_by_id))
        elif end == "again" and request.act is Act.edit:
            self.send(home, self._again(request))
        elif end is not None:
            self.to_decide.append((request.id, end))

    def _again(self, request):
        """The same section once more, with another value."""
        kind, (make, _share) = wishes.kind_of(request.kind), wishes.WISHES["mobile"]
        if request.kind == "guardian":
            return make(self.world, _HomeOf(request))
        target = kind.find(request.target_id, request.family_id)
        after = {name: pair["after"] for name, pair in list(request.changes.items())[:1]}
        return wishes.Wish(kind, target, after, child_id=request.child_id)

    # -- clerks -----------------------------------------------------------------------------------------------------------------

    def clerk_session(self):
        """A clerk decides what is a few hours old."""
        self.work()
        now = clock.now()
        with unit_of_work():
            for request_id, end in list(self.to_decide):
                request = db.session.get(ChangeRequest, request_id)
                if request.lot.seals_at > now or request.state is not RequestState.pending:
                    continue
                self.to_decide.remove((request_id, end))
                decide([self.verdict(request, end)], by=self.world.staff["agent2" if self.world.chance(0.25) else "agent"])
        clock.stop_at(now + timedelta(seconds=15))
        self.work()

    def verdict(self, request, end):
        """What a clerk says of a request."""
        fields = None
        # A part of new bank details is no bank account.
        if end == "part" and request.act is Act.edit and request.kind != "bank":
            fields = sorted(request.changes)[:1]
        outcome = {"refuse": Outcome.refuse, "send_back": Outcome.send_back}.get(end, Outcome.accept)
        reason = self.reason(outcome) if outcome is not Outcome.accept or fields is not None else ""
        return Verdict(request.id, request.version, outcome, fields=fields, reason=reason)

    def reason(self, outcome):
        """A sentence that the town keeps ready, or one of ours."""
        if outcome is Outcome.send_back:
            return self.world.pick(names.TO_CORRECT)
        if self.reasons is None:
            self.reasons = (
                db.session.scalars(select(RefusalReason.sentence).order_by(RefusalReason.rank, RefusalReason.id)).all() or names.REASONS
            )
        return self.world.pick(self.reasons)

    # -- what is told -----------------------------------------------------------------------------------------------------------

    def any_wish(self):
        """The name of a wish, by its share."""
        return self.world.rng.choices(list(WISHED), list(WISHED.values()))[0]

    def past(self, count):
        """Requests of the last month that were decided, taken back or replaced."""
        for _request in range(count):
            end = self.world.rng.choices(list(ENDS), list(ENDS.values()))[0]
            instant = self.world.at(self.world.rng.randrange(3, DAYS), self.world.rng.randrange(7, 23), self.world.rng.randrange(60))
            self.add(instant, self.ask, self.someone(), self.any_wish(), end, self.channel())

    def waiting(self, count):
        """Requests that wait: most since yesterday, some for days, a few for too long."""
        for rank in range(count):
            if rank % 3 == 0:
                instant = self.world.present - timedelta(minutes=self.world.rng.randrange(25, 600))
            else:
                days_ago = self.world.rng.choices((1, 2, 3, 4, 6, 9), (50, 22, 10, 8, 6, 4))[0]
                instant = self.world.at(days_ago, self.world.rng.randrange(7, 23), self.world.rng.randrange(60))
            # One of each, then by chance.
            home, wish = self.someone(), list(WISHED)[rank] if rank < len(WISHED) else self.any_wish()
            self.add(instant, self.ask_until_sent, home, wish, self.channel())
            if rank % 5 == 0:
                self.add(instant + timedelta(minutes=3), self.ask, home, self.any_wish())

    def someone(self):
        """A home that asks through the portal: most have an account."""
        return self.world.pick(self.world.homes[4:])

    def channel(self):
        return self.world.weighted(portal=90, post=3, phone=3, desk=4)

    def conflict(self, home):
        """The family asks for a new number; before the clerk accepts it, another one enters a third."""
        request = self.ask(home, "mobile")
        if request is not None:
            with unit_of_work():
                home.family.guardian.mobile = identifiers.mobile(self.world.rng)
            self.to_decide.append((request.id, "accept"))

    def held(self, home):
        """Decided this very second: still to be undone."""
        if request := self.ask(home, "work"):
            with unit_of_work():
                seal(request.lot, by=db.session.get(Account, request.asked_by_id))
                decide([self.verdict(request, "accept")], by=self.world.staff["agent"])


WISHED = {name: share for name, (_make, share) in wishes.WISHES.items()}


class _HomeOf:
    """As much of a home as a wish on its family needs."""

    def __init__(self, request):
        self.family = wishes.kind_of(request.kind).find(request.target_id, request.family_id)


def tell(world):
    """The whole story of a town."""
    story, count = Story(world), len(world.homes)
    story.past(min(count, PAST_AT_MOST))
    story.waiting(34 if count <= 60 else min(count // 5 + 22, WAITING_AT_MOST))
    _named(story, world)
    days.scenes(story, world)
    preregistrations.preregister(story, world)
    story.tell()
    old_mails_have_left(world)
    _health_reads(world)


def _named(story, world):
    """What Christelle, Sophie, Paul and Odette asked, so that every state is on their pages."""
    galbert, martin, petit, lefevre = world.homes[:4]
    at = world.at
    for days_ago, hour, name, end in (
        (21, 19, "work", "part"),
        (16, 20, "quotient", "refuse"),
        (12, 8, "photograph", "accept"),
        (9, 21, "insurance", "accept"),
        (7, 18, "new_email", "withdraw"),
        (6, 12, "care_plan", "send_back"),
        (4, 20, "spouse_phone", "again"),
        (1, 19, "diet", None),
        (1, 20, "somebody_picks_up", None),
    ):
        story.add(at(days_ago, hour, 10), story.ask, galbert, name, end)
    story.add(at(8, 18), story.ask, martin, "vaccines", "accept")
    story.add(at(2, 20), story.ask, martin, "leaving_alone", None)
    story.add(at(2, 21), story.ask, petit, "mobile", None)
    story.add(at(5, 11), story.ask, lefevre, "bank_account", None, "post")
    story.add(at(11, 10), story.ask, lefevre, "insurance", "accept", "desk")
    for rank, home in enumerate([home for home in world.homes[4:] if home.account is not None][:3]):
        story.add(at(2 + rank, 7), story.conflict, home)
    online = [home for home in world.homes[4:] if home.account is not None]
    story.add(world.present - timedelta(minutes=3), story.ask, online[3], "photographs")
    story.add(world.present - timedelta(seconds=4), story.held, online[4])


def old_mails_have_left(world):
    """Without a mail server the mails of the last two days wait; the older ones count as sent, and one was given up."""
    old = world.present - timedelta(days=2)
    with unit_of_work():
        db.session.execute(
            update(OutgoingMail)
            .where(OutgoingMail.created_at < old)
            .values(state=MailState.sent, sent_at=OutgoingMail.created_at, attempts=1)
        )
        last = db.session.scalar(select(OutgoingMail).where(OutgoingMail.created_at < old).order_by(OutgoingMail.id.desc()).limit(1))
        if last is not None:
            last.state, last.sent_at, last.attempts = MailState.failed, None, 8
            last.last_error = "SMTPRecipientsRefused: 550 5.1.1 user unknown"


def _health_reads(world):
    """Who of the town opened a health file lately."""
    with unit_of_work():
        for request in db.session.scalars(select(ChangeRequest).where(ChangeRequest.kind == "health").order_by(ChangeRequest.id).limit(30)):
            clerk = world.staff["agent"]
            at = min(request.asked_at + timedelta(hours=3), world.present)
            db.session.add(HealthRead(child_id=request.child_id, account_id=clerk.id, actor=str(clerk), screen="request", at=at))


def counts():
    """How much there is of what."""
    models = {"families": Family, "children": Child, "requests": ChangeRequest}
    return {name: db.session.scalar(select(func.count(model.id))) for name, model in models.items()}
