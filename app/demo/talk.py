"""What do families and Saint-Exemple write to each other? Conversations that wait or are answered, a message to many, news."""

from datetime import timedelta

from sqlalchemy import select

from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from app.messages.models import CannedAnswer, News, Thread, Topic
from app.messages.operations import Writing, answer_family, answer_town, ask_town, broadcast, note
from app.security.models import Account, FamilyLink

#: (identifier, days ago, topic's rank, subject, what was said by turns: the family first)
TALKS = (
    (
        "galbert",
        6,
        2,
        "Sortie du mercredi 2 décembre",
        (
            "Bonjour, faut-il un pique-nique pour la sortie à la ferme ? Merci.",
            "Bonjour, oui : un pique-nique froid et une gourde. Bonne journée !",
        ),
    ),
    ("martin", 3, 3, "Ma facture d’octobre", ("Bonjour, le 14 octobre Hugo était malade et j’avais prévenu. Pouvez-vous vérifier ?",)),
    ("petit", 1, 5, "Changement de téléphone", ("Bonjour, mon numéro de travail va changer en janvier. Dois-je faire une demande ?",)),
)
CANNED = (
    ("Merci de votre message", "Bonjour,\n\nMerci de votre message. Nous regardons et revenons vers vous dans la semaine."),
    ("Il manque un justificatif", "Bonjour,\n\nIl nous manque un justificatif. Vous pouvez l’envoyer depuis la page « Inscriptions »."),
)


def talk(world):
    """Let everybody write, in the order of time, through the operations that the screens use."""
    with unit_of_work():
        db.session.add_all(CannedAnswer(rank=rank, title=title, text=text) for rank, (title, text) in enumerate(CANNED, 1))
        today = world.present.date()
        db.session.add(
            News(
                title="Vacances de Noël : les inscriptions sont ouvertes",
                title_en="Christmas holidays: enrolment is open",
                text="Inscrivez vos enfants au centre de loisirs depuis « Inscriptions ».",
                text_en="Enrol your children in the holiday centre under “Enrolments”.",
                first_day=today - timedelta(days=2),
                last_day=today + timedelta(days=12),
            )
        )
    for username, days_ago, rank, subject, texts in TALKS:
        _converse(world, username, days_ago, rank, subject, texts)
    clock.stop_at(world.at(2, 11))
    with unit_of_work():
        broadcast(
            "Marché de Noël des écoles",
            "Le marché de Noël des écoles aura lieu vendredi 11 décembre à 16 h 30, dans la cour de l’école Jacques-Prévert. "
            "Tous les dons de gâteaux sont les bienvenus !",
            ("everybody", ""),
            by=_account("agent"),
            by_mail=False,
        )
    clock.stop_at(world.present)


def _converse(world, username, days_ago, rank, subject, texts):
    clock.stop_at(world.at(days_ago, 20, 12))
    with unit_of_work():
        account, topic = _account(username), db.session.scalar(select(Topic).where(Topic.rank == rank))
        family_id = db.session.scalar(select(FamilyLink.family_id).where(FamilyLink.account_id == account.id).order_by(FamilyLink.id))
        number = ask_town(family_id, subject, Writing(texts[0], account), topic=topic).id
    for place, text in enumerate(texts[1:]):
        clock.stop_at(world.at(days_ago - 1, 10 + place, 5))
        with unit_of_work():
            answer, by = (answer_family, "agent") if place % 2 == 0 else (answer_town, username)
            answer(db.session.get(Thread, number), Writing(text, _account(by)))
    if username == "martin":
        with unit_of_work():
            note(db.session.get(Thread, number), Writing("Voir la feuille de pointage du 14 octobre.", _account("agent2")))


def _account(username):
    return db.session.scalar(select(Account).filter_by(username=username))
