"""Which sentences for refusals does a new town begin with? Five in plain words; it changes them as it likes."""

from sqlalchemy import select

from app.changes.models import RefusalReason
from app.extensions import db

#: (title for the clerk, what the family reads, the same in English)
REASONS = (
    (
        "Justificatif manquant",
        "Il manque un justificatif. Envoyez-le avec une nouvelle demande : une photo lisible suffit.",
        "A supporting document is missing. Send it with a new request: a readable photograph is enough.",
    ),
    (
        "Justificatif illisible",
        "Nous n'arrivons pas à lire le document envoyé. Reprenez-le en photo, bien à plat et en entier.",
        "We cannot read the document that you sent. Take a new photograph of it, flat and whole.",
    ),
    (
        "Informations qui ne concordent pas",
        "Les informations de la demande ne sont pas les mêmes que sur le justificatif. Vérifiez-les et refaites la demande.",
        "The request and its document do not say the same. Check both, and ask again.",
    ),
    (
        "Déjà demandé ou déjà enregistré",
        "Cette information est déjà dans votre dossier, ou une autre demande la contient déjà. Vous n'avez rien à faire.",
        "Your file or another request of yours already says this. You have nothing to do.",
    ),
    (
        "Hors délai ou hors règlement",
        "Le règlement du service ne permet pas d'accepter cette demande. Appelez-nous ou écrivez-nous pour en parler.",
        "The rules of the service do not allow this request. Call us or write to us to talk about it.",
    ),
)


def seed():
    """Add the sentences where the town has none at all; within the open unit of work."""
    if db.session.scalar(select(RefusalReason.id).limit(1)) is None:
        for rank, (title, sentence, english) in enumerate(REASONS, 1):
            db.session.add(RefusalReason(rank=rank, title=title, sentence=sentence, sentence_en=english))
