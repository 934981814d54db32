"""What does the town know of a household? The family, its adults, income, quotient, bank details."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import JSON, CheckConstraint, Date, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core import clock
from app.core.db import Instant, enum_column
from app.core.encryption import Encrypted
from app.core.enums import Labelled
from app.core.i18n import _l
from app.extensions import Model


class AdultRole(Labelled):
    """An adult's place in the file. Bills are in the guardian's name; canteen debts are joint."""

    guardian = "guardian", _l("guardian")
    spouse = "spouse", _l("spouse")


class Civility(Labelled):
    """How a letter addresses somebody."""

    mrs = "mrs", _l("Mrs")
    mr = "mr", _l("Mr")


class Situation(Labelled):
    """How the adults of a household live, in the words of the CAF."""

    married = "married", _l("married")
    civil_union = "civil_union", _l("civil union (PACS)")
    living_together = "living_together", _l("living together")
    single = "single", _l("single")
    separated = "separated", _l("separated")
    divorced = "divorced", _l("divorced")
    widowed = "widowed", _l("widowed")


class Fund(Labelled):
    """Which family-benefit fund a household belongs to."""

    caf = "caf", _l("CAF")
    msa = "msa", _l("MSA")
    none = "none", _l("none of them")


class QuotientSource(Labelled):
    """Where a quotient was read."""

    hand = "hand", _l("entered by the town")
    proof = "proof", _l("from a proof")
    api = "api", _l("from API Particulier")


class FundAnswer(Labelled):
    """What came of asking a household's fund for its quotient."""

    found = "found", _l("quotient received")
    unknown = "unknown", _l("no file with this identity")
    incomplete = "incomplete", _l("identity incomplete")
    away = "away", _l("no answer, to be asked again")


class Family(Model):
    """A household with a file at the town. `code` is what the town prints on letters."""

    __tablename__ = "family"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(12), unique=True)
    name: Mapped[str] = mapped_column(String(80), index=True)
    situation: Mapped[Situation | None] = mapped_column(enum_column(Situation, "ck_family_situation"))
    #: Lives in the commune: some tariffs ask.
    resident: Mapped[bool] = mapped_column(default=True)
    #: For clerks only, never shown to the family.
    private_note: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    archived_at: Mapped[datetime | None] = mapped_column(Instant)

    adults: Mapped[list["Adult"]] = relationship(back_populates="family", order_by="Adult.role", passive_deletes=True)
    tax: Mapped["TaxData | None"] = relationship(back_populates="family", passive_deletes=True)
    caf: Mapped["CafData | None"] = relationship(back_populates="family", passive_deletes=True)
    quotients: Mapped[list["IncomeQuotient"]] = relationship(
        back_populates="family", order_by="IncomeQuotient.counts_from", passive_deletes=True
    )
    bank: Mapped["BankDetails | None"] = relationship(back_populates="family", passive_deletes=True)
    mandates: Mapped[list["Mandate"]] = relationship(back_populates="family", order_by="Mandate.id", passive_deletes=True)

    def adult(self, role):
        """The adult of this role, or None."""
        return next((adult for adult in self.adults if adult.role == role), None)

    @property
    def guardian(self):
        return self.adult(AdultRole.guardian)

    @property
    def spouse(self):
        return self.adult(AdultRole.spouse)

    def __repr__(self):
        return f"{self.name} ({self.code})"


class Adult(Model):
    """The guardian or the spouse of a family. An e-mail address may be shared, or absent."""

    __tablename__ = "adult"
    __table_args__ = (UniqueConstraint("family_id", "role", name="uq_adult_family_role"), Index("ix_adult_name", "last_name", "first_name"))
    id: Mapped[int] = mapped_column(primary_key=True)
    family_id: Mapped[int] = mapped_column(ForeignKey("family.id", ondelete="CASCADE"))
    role: Mapped[AdultRole] = mapped_column(enum_column(AdultRole, "ck_adult_role"))
    civility: Mapped[Civility | None] = mapped_column(enum_column(Civility, "ck_adult_civility"))
    last_name: Mapped[str] = mapped_column(String(80))
    birth_name: Mapped[str | None] = mapped_column(String(80))
    first_name: Mapped[str] = mapped_column(String(80))
    birth_date: Mapped[date | None] = mapped_column(Date)
    address: Mapped[str | None] = mapped_column(String(120))
    address_more: Mapped[str | None] = mapped_column(String(120))
    postcode: Mapped[str | None] = mapped_column(String(5))
    city: Mapped[str | None] = mapped_column(String(80))
    mobile: Mapped[str | None] = mapped_column(String(20))
    phone: Mapped[str | None] = mapped_column(String(20))
    work_phone: Mapped[str | None] = mapped_column(String(20))
    email: Mapped[str | None] = mapped_column(String(254), index=True)
    profession: Mapped[str | None] = mapped_column(String(80))
    employer: Mapped[str | None] = mapped_column(String(80))
    family: Mapped[Family] = relationship(back_populates="adults")

    def __repr__(self):
        return f"{self.first_name} {self.last_name}"


class TaxData(Model):
    """What the last tax notice says; it makes the quotient where the CAF gives none."""

    __tablename__ = "tax_data"
    id: Mapped[int] = mapped_column(primary_key=True)
    family_id: Mapped[int] = mapped_column(ForeignKey("family.id", ondelete="CASCADE"), unique=True)
    #: 13 digits, on the notice.
    tax_number: Mapped[str | None] = mapped_column(Encrypted(str))
    #: 13 characters, the reference of the notice.
    notice_reference: Mapped[str | None] = mapped_column(Encrypted(str))
    #: The year whose income is meant.
    income_year: Mapped[int | None] = mapped_column(Encrypted(int))
    #: Revenu fiscal de référence, in whole euros as on the notice.
    reference_income: Mapped[int | None] = mapped_column(Encrypted(int))
    #: Number of parts, in quarters.
    parts: Mapped[Decimal | None] = mapped_column(Encrypted(Decimal))
    proof_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id", ondelete="SET NULL"))
    family: Mapped[Family] = relationship(back_populates="tax")

    def __repr__(self):
        return "tax"


class CafData(Model):
    """The household's fund and number there."""

    __tablename__ = "caf_data"
    id: Mapped[int] = mapped_column(primary_key=True)
    family_id: Mapped[int] = mapped_column(ForeignKey("family.id", ondelete="CASCADE"), unique=True)
    fund: Mapped[Fund | None] = mapped_column(enum_column(Fund, "ck_caf_data_fund"))
    #: Numéro allocataire: 7 digits at the CAF, 13 or 15 at the MSA (the social security number).
    allocataire: Mapped[str | None] = mapped_column(Encrypted(str))
    #: The family lets the town ask the fund for its quotient.
    consent: Mapped[bool] = mapped_column(default=False)
    #: In whose name the file at the fund is, and where that person was born (code of the COG, as in a social security number): by
    #: these and by name, sex and day of birth API Particulier finds it.
    holder: Mapped[AdultRole | None] = mapped_column(enum_column(AdultRole, "ck_caf_data_holder"))
    birth_code: Mapped[str | None] = mapped_column(Encrypted(str))
    #: When the fund was asked last, and what came of it.
    asked_at: Mapped[datetime | None] = mapped_column(Instant)
    answer: Mapped[FundAnswer | None] = mapped_column(enum_column(FundAnswer, "ck_caf_data_answer"))
    proof_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id", ondelete="SET NULL"))
    family: Mapped[Family] = relationship(back_populates="caf")

    def __repr__(self):
        return "caf"


class IncomeQuotient(Model):
    """A household's quotient familial from a month on; a new one never counts backwards."""

    __tablename__ = "income_quotient"
    __table_args__ = (UniqueConstraint("family_id", "counts_from", name="uq_income_quotient_month"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    family_id: Mapped[int] = mapped_column(ForeignKey("family.id", ondelete="CASCADE"))
    #: In euros: the funds publish whole ones, a town that divides an income itself may have cents.
    value: Mapped[Decimal] = mapped_column(Encrypted(Decimal))
    counts_from: Mapped[date] = mapped_column(Date)
    source: Mapped[QuotientSource] = mapped_column(enum_column(QuotientSource, "ck_income_quotient_source"))
    recorded_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    #: The paper that a clerk entered it from; what a family sent lies with its CAF data.
    proof_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id", ondelete="SET NULL"))
    family: Mapped[Family] = relationship(back_populates="quotients")

    def __repr__(self):
        return f"quotient {self.counts_from:%m/%Y}"


class FormerPlace(Model):
    """Where a household lived, or at which fund it was, until a day: what was billed for days before goes on costing the same."""

    __tablename__ = "former_place"
    __table_args__ = (
        Index("ix_former_place_family", "family_id", "last_day"),
        CheckConstraint("(resident IS NULL) != (fund IS NULL)", name="ck_former_place_one"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    family_id: Mapped[int] = mapped_column(ForeignKey("family.id", ondelete="CASCADE"))
    last_day: Mapped[date] = mapped_column(Date)
    #: One of both: whether it lived in the commune, or its fund.
    resident: Mapped[bool | None]
    fund: Mapped[Fund | None] = mapped_column(enum_column(Fund, "ck_former_place_fund"))

    def __repr__(self):
        return f"until {self.last_day.isoformat()}"


class AskingState(Labelled):
    """Where the asking of all funds stands."""

    running = "running", _l("running")
    done = "done", _l("done")
    stopped = "stopped", _l("stopped")


class QuotientAsking(Model):
    """The funds are asked for the quotients of all households that agree, a few at a time: killed, it goes on after `after_family_id`."""

    __tablename__ = "quotient_asking"
    __table_args__ = (
        Index(
            "uq_quotient_asking_open",
            "state",
            unique=True,
            sqlite_where=text("state = 'running'"),
            postgresql_where=text("state = 'running'"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[AskingState] = mapped_column(enum_column(AskingState, "ck_quotient_asking_state"), default=AskingState.running)
    asked_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    asked_by: Mapped[str] = mapped_column(String(120))
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    total: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    after_family_id: Mapped[int] = mapped_column(default=0)
    #: How many of each FundAnswer, and under "new" how many quotients changed.
    counts: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    #: Not before: API Particulier asked for a pause.
    resumes_at: Mapped[datetime | None] = mapped_column(Instant)
    #: Why it ended early.
    problem: Mapped[str] = mapped_column(String(300), default="")

    def __repr__(self):
        return f"{self.asked_at.isoformat()} {self.done}/{self.total}"


class BankDetails(Model):
    """The account that direct debits are taken from."""

    __tablename__ = "bank_details"
    id: Mapped[int] = mapped_column(primary_key=True)
    family_id: Mapped[int] = mapped_column(ForeignKey("family.id", ondelete="CASCADE"), unique=True)
    holder: Mapped[str | None] = mapped_column(Encrypted(str))
    #: Compact, upper case, checked by checksum and national keys.
    iban: Mapped[str | None] = mapped_column(Encrypted(str))
    bic: Mapped[str | None] = mapped_column(Encrypted(str))
    direct_debit: Mapped[bool] = mapped_column(default=False)
    proof_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id", ondelete="SET NULL"))
    family: Mapped[Family] = relationship(back_populates="bank")

    def __repr__(self):
        return "bank"


class Mandate(Model):
    """A SEPA mandate; a new IBAN or its withdrawal ends it, none is ever changed."""

    __tablename__ = "mandate"
    __table_args__ = (
        Index(
            "uq_mandate_open", "family_id", unique=True, sqlite_where=text("ended_on IS NULL"), postgresql_where=text("ended_on IS NULL")
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    family_id: Mapped[int] = mapped_column(ForeignKey("family.id", ondelete="CASCADE"), index=True)
    #: Référence unique du mandat, at most 35 characters.
    reference: Mapped[str] = mapped_column(String(35), unique=True)
    iban: Mapped[str] = mapped_column(Encrypted(str))
    bic: Mapped[str] = mapped_column(Encrypted(str))
    holder: Mapped[str] = mapped_column(Encrypted(str))
    signed_on: Mapped[date] = mapped_column(Date)
    ended_on: Mapped[date | None] = mapped_column(Date)
    family: Mapped[Family] = relationship(back_populates="mandates")

    def __repr__(self):
        return self.reference


class LetterBatch(Model):
    """Codes for the first login of many adults at once, as letters in one PDF or by mail; the worker makes them."""

    __tablename__ = "letter_batch"
    id: Mapped[int] = mapped_column(primary_key=True)
    #: Adults to invite; those that are done are the first `done` of them.
    adult_ids: Mapped[list[int]] = mapped_column(JSON, default=list)
    by_mail: Mapped[bool] = mapped_column(default=False)
    done: Mapped[int] = mapped_column(default=0)
    asked_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="SET NULL"))
    leased_until: Mapped[datetime | None] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    #: Pieces of the PDF while it is made, then the one that is printed; a printed code is a key, so the file goes after some days.
    files: Mapped[list[int]] = mapped_column(JSON, default=list)
    problem: Mapped[str] = mapped_column(String(300), default="")

    def __repr__(self):
        return f"letters of {self.asked_at:%d.%m.%Y}"
