"""Which papers does the town ask for, and which does it have?"""

from datetime import date

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.children.models import Child
from app.core import clock
from app.core.db import enum_column
from app.core.enums import Labelled
from app.core.i18n import _l
from app.documents.models import StoredFile
from app.extensions import Model
from app.families.models import Family


class Whose(Labelled):
    """Whom a paper is about."""

    child = "child", _l("each child")
    family = "family", _l("the family")


class PaperValidity(Labelled):
    """How long a paper is good, where it does not say so itself."""

    school_year = "school_year", _l("until the end of the school year")
    months = "months", _l("for some months")
    stated = "stated", _l("until the date that it states")
    unlimited = "unlimited", _l("for ever")


class PaperType(Model):
    """A paper that the town may ask for: the insurance, the vaccination record, the proof of address."""

    __tablename__ = "paper_type"
    __table_args__ = (CheckConstraint("validity != 'months' OR months > 0", name="ck_paper_type_months"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    name_en: Mapped[str] = mapped_column(String(80), default="")
    #: What parents read: what is accepted.
    hint: Mapped[str] = mapped_column(Text, default="")
    whose: Mapped[Whose] = mapped_column(enum_column(Whose, "ck_paper_type_whose"))
    validity: Mapped[PaperValidity] = mapped_column(enum_column(PaperValidity, "ck_paper_type_validity"))
    months: Mapped[int | None]
    #: Asked of every family, whatever its children do.
    asked_of_all: Mapped[bool] = mapped_column(default=False)
    #: Open to those alone who may read health data.
    health: Mapped[bool] = mapped_column(default=False)

    def __repr__(self):
        return self.name


class Paper(Model):
    """A paper that the town has accepted. A newer one takes its place; the old one is kept until it is purged."""

    __tablename__ = "paper"
    __table_args__ = (
        Index("ix_paper_owner", "family_id", "child_id", "paper_type_id"),
        Index("ix_paper_expiry", "valid_until"),
        #: A page asks for a type's papers of one household and of its children.
        Index("ix_paper_type_family", "paper_type_id", "family_id"),
        Index("ix_paper_type_child", "child_id", "paper_type_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    paper_type_id: Mapped[int] = mapped_column(ForeignKey("paper_type.id"))
    family_id: Mapped[int] = mapped_column(ForeignKey("family.id", ondelete="CASCADE"))
    child_id: Mapped[int | None] = mapped_column(ForeignKey("child.id", ondelete="CASCADE"))
    file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id", ondelete="SET NULL"))
    received_on: Mapped[date] = mapped_column(Date, default=clock.today)
    #: Its last good day; null: for ever.
    valid_until: Mapped[date | None] = mapped_column(Date)
    #: The family was reminded that it runs out.
    reminded_on: Mapped[date | None] = mapped_column(Date)
    paper_type: Mapped[PaperType] = relationship(PaperType)
    family: Mapped[Family] = relationship(Family)
    child: Mapped[Child | None] = relationship(Child)
    file: Mapped[StoredFile | None] = relationship(StoredFile)

    def __repr__(self):
        return f"{self.paper_type}"
