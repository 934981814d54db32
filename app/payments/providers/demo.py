"""How does somebody pay in the demonstration town? At a bank of our own, that takes nothing."""

from secrets import token_urlsafe

from flask import url_for
from sqlalchemy import select

from app.core.db import own_transaction
from app.extensions import db
from app.payments.models import DemoTransaction
from app.payments.providers.base import Answer, Found, Provider, Started


class DemoProvider(Provider):
    """A bank page of our own; real towns have none of it."""

    name = "demo"

    @property
    def for_tests(self):
        return True

    def start(self, attempt, *, email, notify_url, return_url, title):
        token = token_urlsafe(24)
        with own_transaction("demo_transaction") as connection:
            connection.execute(
                DemoTransaction.__table__.insert().values(token=token, reference=attempt.reference, amount=attempt.amount, answer="")
            )
        return Started(token, url_for("DemoBankView.bank", token=token))

    def look_up(self, attempt):
        row = db.session.execute(
            select(DemoTransaction.reference, DemoTransaction.amount, DemoTransaction.answer).filter_by(token=attempt.token)
        ).one_or_none()
        if row is None:
            return Answer(Found.gone)
        return Answer(Found(row.answer or "unknown"), row.amount, row.reference)
