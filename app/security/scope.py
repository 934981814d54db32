"""For which family does this request act, and as what? Decided once a request, checked against the links every time."""

import json
from dataclasses import dataclass, field
from datetime import date
from functools import cache

from flask import abort, g, request, session
from flask_appbuilder.security.sqla.models import Role
from flask_login import current_user
from sqlalchemy import Text, bindparam, cast, select
from sqlalchemy.orm import contains_eager

from app.core import clock
from app.core.settings import Setting
from app.extensions import db
from app.security.models import Account, FamilyLink, LoginSession
from app.security.settings import AskedOf
from app.security.who_sees_what import FAMILY_ROLE, STAFF_ROLES, Noun, Viewer, permissions

#: What a clerk who acts for a family says of how the request came in.
CHANNELS = ("post", "fax", "phone", "desk")


@dataclass(frozen=True)
class Standing:
    """Whose rows a request reads and asks for. `channel` is "portal", or how a clerk who acts for the family got it."""

    account_id: int
    family_id: int
    viewer: Viewer
    adult_id: int | None = None
    channel: str = "portal"
    received_on: date | None = None
    #: {id: name} of every family that the account may act for.
    families: dict = field(default_factory=dict, hash=False)
    #: {name: number} of what rooms count beside it (count_beside).
    counts: dict = field(default_factory=dict, hash=False)

    @property
    def by_clerk(self):
        return self.channel != "portal"


def count_beside(name, count_of):
    """Let Standing.counts hold a value that every page of a family shows; called by rooms when they are imported.

    `count_of(account_column, family_column)` gives a scalar subquery: it rides on the query that finds the links. It may use
    bindparam("today").
    """
    _beside[name] = count_of


_beside = {}


def staff_role():
    """The signed-in person's role of the staff, or None."""
    return _of_person("staff_role", role_of)


def is_family():
    """Whether the signed-in person holds the role of families."""
    return current_user.is_authenticated and any(role.name == FAMILY_ROLE for role in current_user.roles)


def standing():
    """The Standing of the request, or None: for a family from its links, for a clerk from the family that it acts for."""
    return _of_person("standing", lambda _user: _find_standing())


def _of_person(name, find):
    """What is asked dozens of times a page of the signed-in person, found once; None for nobody."""
    # Each look through a proxy costs as much as the answer, and Flask-Login's keeps whom it has found here.
    kept = g._get_current_object()
    user = kept.get("_login_user") or current_user._get_current_object()
    found = kept.get(name)
    if found is not None and found[0] is user:
        return found[1]
    if not user.is_authenticated:
        return None
    answer = find(user)
    setattr(kept, name, (user, answer))
    return answer


def _find_standing():
    if not is_family():
        return _clerk_standing()
    rows = _rows_of(current_user.id)
    if not rows:
        return None
    link = next((row.FamilyLink for row in rows if row.FamilyLink.family_id == session.get("family")), rows[0].FamilyLink)
    names = {row.FamilyLink.family_id: row.name for row in rows}
    counts = next({name: getattr(row, name) for name in _beside} for row in rows if row.FamilyLink.family_id == link.family_id)
    return Standing(current_user.id, link.family_id, Viewer(link.standing), link.adult_id, families=names, counts=counts)


def account_with_links(account_id, session_hash=""):
    """The account of this id with its roles, or None; its links are read with it, in one query, and kept for standing().

    So are its open session with this hash of a key, as g.login_session: (id, seen_at), or None where there is none; and whom the
    town asks for a second step, as g.second_step.
    """
    rows = db.session.execute(_links(), {"account": account_id, "hash": session_hash, "today": clock.today()}).unique().all()
    g.links = account_id, [row for row in rows if row.FamilyLink is not None]
    if session_hash:
        g.login_session = (rows[0].session_id, rows[0].seen_at) if rows and rows[0].session_id is not None else None
        g.second_step = json.loads(rows[0].second_step) if rows and rows[0].second_step else AskedOf.nobody.value
    return rows[0].Account if rows else None


def _rows_of(account_id):
    """The rows of _links() that are about a family: those of the account that the request began with, else read now."""
    if "links" not in g or g.links[0] != account_id:
        account_with_links(account_id)
    return g.links[1]


@cache
def _links():
    # Every request runs it, and SQLAlchemy takes as long to recognise a new statement as to run it.
    family = db.metadata.tables["family"]
    mine = (FamilyLink.account_id == Account.id) & FamilyLink.ended_at.is_(None)
    beside = [count_of(FamilyLink.account_id, FamilyLink.family_id).label(name) for name, count_of in _beside.items()]
    this = (LoginSession.account_id == Account.id) & (LoginSession.key_hash == bindparam("hash")) & LoginSession.ended_at.is_(None)
    here = LoginSession.id.label("session_id"), LoginSession.seen_at
    # Roles joined one by one: SQLite reads those of every account for two tables that are joined as one.
    granted = db.metadata.tables["ab_user_role"]
    # Asked of every click, and most pages of the staff read no other setting.
    asked = select(cast(Setting.value, Text)).where(Setting.key == "second_step").scalar_subquery().label("second_step")
    query = select(Account, FamilyLink, family.c.name, asked, *here, *beside).options(contains_eager(Account.roles))
    query = query.outerjoin(granted, granted.c.user_id == Account.id).outerjoin(Role, Role.id == granted.c.role_id)
    query = query.outerjoin(LoginSession, this).outerjoin(FamilyLink, mine).outerjoin(family, family.c.id == FamilyLink.family_id)
    return query.where(Account.id == bindparam("account")).order_by(FamilyLink.id)


def _clerk_standing():
    acting = session.get("acting")
    role = staff_role()
    if not acting or role is None or "ask" not in permissions(Noun.request, role):
        return None
    return Standing(
        current_user.id, acting["family"], Viewer.guardian, channel=acting["channel"], received_on=date.fromisoformat(acting["received_on"])
    )


def typist():
    """Who opens a form, and for whom: sealed into it, it outlives the session."""
    return {"account": current_user.id, "family": family_id(), "acting": session.get("acting")}


def family_id():
    """The family that the request acts for; 403 where it acts for none."""
    found = standing()
    if found is None:
        abort(403)
    return found.family_id


def may(noun, permission):
    """Whether the person may do this with a noun, on the screens that the request is for: the portal's or the staff's."""
    if in_portal():
        found = standing()
        if found is None or permission not in permissions(noun, found.viewer):
            return False
        return not found.by_clerk or permission in permissions(noun, staff_role())
    role = staff_role()
    return role is not None and permission in permissions(noun, role)


def require(noun, permission):
    """403 unless may()."""
    if not may(noun, permission):
        abort(403)


def in_portal():
    """Whether the request is for a screen of the families."""
    return request.path.startswith("/portail/")


def role_of(account):
    """An account's role of the staff, or None."""
    names = {role.name for role in account.roles}
    return next((role for role in STAFF_ROLES if role.value in names), None)
