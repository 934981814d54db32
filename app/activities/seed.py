"""What does a new town begin with? Reasons for an absence, papers that towns ask for, the school holidays of this year and the next."""

from sqlalchemy import select

from app.activities import school_calendar
from app.activities.models import AbsenceReason, PaperType, PaperValidity, Whose
from app.extensions import db

#: (title, the same in English, what differs from the ordinary)
ABSENCE_REASONS = (
    ("Maladie", "Illness", {"takes_certificate": True}),
    ("Raison familiale", "Family reason", {}),
    ("École fermée ou sortie scolaire", "School closed, or outing with the class", {"never_charged": True}),
    ("Autre", "Other", {"needs_text": True}),
)

PAPER_TYPES = (
    {
        "name": "Assurance scolaire et extrascolaire",
        "name_en": "School and after-school insurance",
        "hint": "L'attestation de l'année en cours, au nom de l'enfant.",
        "whose": Whose.child,
        "validity": PaperValidity.school_year,
    },
    {
        "name": "Copie du carnet de vaccination",
        "name_en": "Copy of the vaccination record",
        "hint": "Les pages des vaccins, avec le nom de l'enfant.",
        "whose": Whose.child,
        "validity": PaperValidity.unlimited,
        "health": True,
    },
    {
        "name": "Justificatif de domicile",
        "name_en": "Proof of address",
        "hint": "Une facture de moins de 3 mois : eau, électricité, gaz, internet ou loyer.",
        "whose": Whose.family,
        "validity": PaperValidity.months,
        "months": 12,
    },
    {
        "name": "Attestation de quotient familial (CAF ou MSA)",
        "name_en": "Family quotient (CAF or MSA)",
        "hint": "Elle se télécharge depuis votre compte CAF ou MSA.",
        "whose": Whose.family,
        "validity": PaperValidity.months,
        "months": 12,
    },
    {
        "name": "Attestation d'aisance aquatique",
        "name_en": "Certificate of ease in water",
        "hint": "Pour la piscine, le canoë et la voile. Elle est valable sans limite.",
        "whose": Whose.child,
        "validity": PaperValidity.unlimited,
    },
    {
        "name": "Jugement sur la garde de l'enfant",
        "name_en": "Court order about the child",
        "hint": "Si un jugement fixe qui peut venir chercher l'enfant, ou ses semaines.",
        "whose": Whose.child,
        "validity": PaperValidity.stated,
    },
)


def seed():
    """Add what the town has none of at all; within the open unit of work."""
    if db.session.scalar(select(AbsenceReason.id).limit(1)) is None:
        for rank, (title, english, more) in enumerate(ABSENCE_REASONS, 1):
            db.session.add(AbsenceReason(rank=rank, title=title, title_en=english, **more))
    if db.session.scalar(select(PaperType.id).limit(1)) is None:
        db.session.add_all(PaperType(**values) for values in PAPER_TYPES)
    school_calendar.work_out()
