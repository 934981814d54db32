"""Which reminders does a new town begin with? Two, in polite words; it changes them as it likes, and none leaves by itself."""

from sqlalchemy import select

from app.billing.models import ReminderStep
from app.extensions import db

#: (days after the day to pay, title, what the family reads, both in English)
STEPS = (
    (
        10,
        "Rappel : une facture reste à payer",
        "Sauf erreur de notre part, il reste une somme à payer pour les services de vos enfants. Un oubli arrive à tout le monde. "
        "Si vous avez une difficulté, appelez-nous : nous chercherons une solution ensemble.",
        "Reminder: an invoice is still to be paid",
        "Unless we are mistaken, an amount is still to be paid for the services of your children. Anybody may forget. "
        "If you are in difficulty, call us: we will look for a way together.",
    ),
    (
        30,
        "Dernier rappel avant la trésorerie",
        "Malgré notre premier rappel, il reste une somme à payer. Sans paiement de votre part, elle sera transmise au comptable public, "
        "qui la recouvrera. Appelez-nous avant si vous ne pouvez pas payer en une fois.",
        "Last reminder before the public treasury",
        "In spite of our first reminder, an amount is still to be paid. Without a payment it will be handed to the public treasury, "
        "which will collect it. Call us before that if you cannot pay at once.",
    ),
)


def seed():
    """Add the steps where the town has none at all; within the open unit of work."""
    if db.session.scalar(select(ReminderStep.id).limit(1)) is None:
        for days, title, text, title_en, text_en in STEPS:
            db.session.add(ReminderStep(days=days, title=title, text=text, title_en=title_en, text_en=text_en))
