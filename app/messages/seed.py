"""What does a new town begin with? Topics that families write about."""

from sqlalchemy import select

from app.extensions import db
from app.messages.models import Topic

TOPICS = (
    ("Restauration scolaire", "Canteen"),
    ("Accueil périscolaire et centre de loisirs", "Care and holiday centre"),
    ("Facture ou paiement", "Bill or payment"),
    ("Inscription scolaire", "School enrolment"),
    ("Mon dossier", "My file"),
    ("Autre", "Other"),
)


def seed():
    """Add the topics, where there are none, within the open unit of work."""
    if db.session.scalar(select(Topic.id).limit(1)) is None:
        db.session.add_all(Topic(rank=rank, title=title, title_en=english) for rank, (title, english) in enumerate(TOPICS, 1))
