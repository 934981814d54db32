"""How does a form record instead of writing? It shows the file under a sealed snapshot and turns a post into a Proposal."""

from typing import NamedTuple
from uuid import uuid4

from flask import abort, request
from flask_login import current_user
from wtforms import HiddenField, PasswordField

from app.changes.kinds import Proposal
from app.changes.models import Act
from app.changes.operations import former_request, waiting_request
from app.core.codec import encode
from app.core.encryption import seal, unseal
from app.core.errors import DomainError
from app.core.forms import Form, LongText, YesNo, row_id
from app.core.i18n import _, _l
from app.documents.forms import UploadField, put_aside
from app.extensions import Model
from app.security.own_account import proved
from app.security.scope import family_id, standing, typist
from app.security.who_sees_what import Noun


class SectionForm(Form):
    """The form of a kind. Declare the fields of the section below it; `kind` is set when the portal builds its views.

    `base` carries, sealed: kind, act, row, family, what the file held (`before`), what the fields showed (`shown`: the file under the
    request that waits) and a key that makes a second click of the same send no second request.
    """

    #: Fields that are not part of the file.
    aside = ("base", "comment", "password")
    #: [(title, [names])] where the section reads better in parts; else one part.
    layout = ()
    #: The fields for proofs, see ProvenForm; and what they should show.
    proofs, proof_hint = (), ""
    #: A template above the fields, a stylesheet of its own, and whom it is about where the kind cannot say it yet.
    intro_template = stylesheet = subject = None
    kind = None
    #: The request that `?again=` names, to be corrected and sent once more.
    former = None

    base = HiddenField()

    def __init__(self, obj=None, **kwargs):
        self.problems, self.waiting = [], None
        if isinstance(obj, Model):
            self.token = self._snapshot(obj)
            super().__init__(data=self._decoded({**self.token["shown"], **self._again()}), **kwargs)
        elif request.method == "POST":
            super().__init__(**kwargs)
            self.token = self._sent()
        else:
            self.token = self._blank()
            super().__init__(data=self._decoded(self._again()), **kwargs)
        if not self.kind.needs_password or standing() is None or standing().by_clerk:
            del self.password
        if self.token is not None:
            self.base.data = seal(self.token)
        if self.former is not None and request.method != "POST":
            self._keep_former_files()

    comment = LongText(_l("A word for the town (optional)"), longest=500)
    password = PasswordField(_l("Your password, once more"))

    # FAB asks for a fresh form: refresh() to add, refresh(obj=row) to show, refresh(request.form) to read a post.
    @classmethod
    def refresh(cls, obj=None):
        return cls(obj=obj)

    @classmethod
    def file_names(cls):
        """The names of the fields that hold files."""
        return [name for name, item in cls.unbound() if issubclass(item.field_class, UploadField)]

    # -- what it shows ----------------------------------------------------------------------------------------------------------

    def _snapshot(self, target):
        before = self.kind.read(target)
        self.waiting = waiting = waiting_request(self.kind, Act.edit, target.id, family_id())
        shown = dict(before)
        if waiting is not None:
            shown.update({name: pair["after"] for name, pair in waiting.changes.items() if name in before or name in self.proofs})
        elif (number := request.args.get("again", type=row_id)) is not None:
            self.former = former_request(self.kind, Act.edit, number, family_id())
        return self._token(Act.edit, target.id, self.kind.child_id(target), before, shown)

    def _blank(self):
        if (number := request.args.get("again", type=row_id)) is not None:
            self.former = former_request(self.kind, Act.add, number, family_id()) or abort(404)
        child = (self.former.child_id if self.former else request.args.get("child", type=row_id)) if self.kind.adds_to_child else None
        if self.kind.adds_to_child and self.kind.parent(child, family_id()) is None:
            abort(404)
        token = self._token(Act.add, None, child, {}, {})
        return {**token, "replaces": self.former.id if self.former and self.former.open else None}

    def _token(self, act, target, child, before, shown):
        return {
            "kind": self.kind.name,
            "act": act.name,
            "target": target,
            "child": child,
            **typist(),
            "before": before,
            "shown": shown,
            "key": uuid4().hex,
        }

    def _again(self):
        """What a former request asked: the fields show it, the file does not hold it."""
        return {name: pair["after"] for name, pair in self.former.changes.items() if name in self.kind.asks} if self.former else {}

    def _keep_former_files(self):
        for name in self.file_names():
            if number := self._again().get(name):
                self[name].kept = {"id": number, "family": family_id(), "name": ""}

    def _decoded(self, values):
        return {name: self.kind.decode(name, value) for name, value in values.items()}

    # -- what it reads ----------------------------------------------------------------------------------------------------------

    def _sent(self):
        try:
            token = unseal(self.base.data or "")
        except ValueError:
            return None
        fits = token.get("kind") == self.kind.name and token.get("family") == family_id()
        return token if fits else None

    def validate(self, extra_validators=None):
        """Whether the post is good. Files that came are put aside first, so that correcting the form does not lose them."""
        valid = super().validate(extra_validators)
        if self.token is None or self.token["target"] != getattr(self, "_id", None):
            self.problems.append(_("This form was opened for something else. What you typed is still here: check it and send it again."))
            return False
        put_aside(self, noun=self.kind.noun, family_id=family_id(), child_id=self.token["child"], by=current_user)
        return self._proved() and valid and self._obeys_the_rules()

    def _proved(self):
        """Whether the password was typed where it is asked for; wrong ones count like wrong sign-ins."""
        if "password" not in self:
            return True
        wrong = _("This is not your password.")
        if not self.password.data:
            self.refuse(wrong, "password")
            return False
        return proved(current_user, self, "password", wrong)

    def _obeys_the_rules(self):
        try:
            self.kind.refuse_if_invalid(self.proposal(None), family_id())
        except DomainError as problem:
            self.problems.append(str(problem))
        return not self.problems

    def proposal(self, target):
        """What the post asks, as a Proposal on this row (None to add one)."""
        token = self.token
        after = {name: self._value(self[name]) for name in self.kind.asks}
        return Proposal(
            act=Act[token["act"]],
            target=target,
            child_id=token["child"],
            before=token["before"],
            shown=token["shown"],
            after=after,
            comment=self.comment.data or "",
            key=token["key"],
            replaces=token.get("replaces"),
            by_clerk=standing().by_clerk,
        )

    def _value(self, field):
        if isinstance(field, UploadField):
            return field.settle(self.token["shown"].get(field.name), family_id())
        return encode(field.answer if isinstance(field, YesNo) else field.data)

    def populate_obj(self, obj):
        """Record the proposal on the row, and write nothing."""
        obj._proposal = self.proposal(obj)

    @property
    def visible_parts(self):
        """The Parts in the order of the screen."""
        parts = [Part(title, [self[name] for name in names if name in self]) for title, names in self.layout or [("", self.kind.fields)]]
        return [*parts, Part(_("Proofs"), [self[name] for name in self.proofs], hint=self.proof_hint)] if self.proofs else parts


class ProvenForm(SectionForm):
    """The form of a kind that a proof may come with, in pages or pieces: files of the request alone, never of the file."""

    proofs = ("proof", "more_proof")
    aside = (*SectionForm.aside, *proofs)

    # Whoever looks after the papers of a household reads them; the other household of a child does not.
    proof = UploadField(_l("A proof (photograph or PDF)"), noun=Noun.paper)
    more_proof = UploadField(_l("Its second page, or another proof"), noun=Noun.paper)


class Part(NamedTuple):
    """Fields that stand together; `folded` ones are shown on demand."""

    title: object
    fields: list
    folded: list = []
    folded_title: object = ""
    hint: object = ""
