"""What does the demo town share while it is made? Chance, the calendar, schools, pictures and files."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from uuid import uuid4

from app.children.models import Level, School, SchoolClass, SchoolYear
from app.core import clock, settings
from app.core.encryption import seal_bytes
from app.core.files import Upload
from app.demo import identifiers, names, pictures
from app.documents.models import FileState, StoredFile
from app.documents.operations import path_of, store
from app.extensions import db
from app.families.models import Family
from app.security.models import Account

#: Pictures are drawn until there are so many, then used again: a large town would wait for them.
DRAWN_AT_MOST = 40
LEVELS = list(Level)


@dataclass
class Home:
    """A family of the town, and who acts for it."""

    family: Family
    account: Account | None = None
    adult_id: int | None = None
    #: Names of its accounts, where the documentation tells of them.
    usernames: tuple | None = None


@dataclass
class World:
    """The town as far as it is made. The same seed and day give the same world."""

    rng: Random
    #: The instant that the town lives in.
    present: datetime
    homes: list = field(default_factory=list)
    schools: dict = field(default_factory=dict)
    years: dict = field(default_factory=dict)
    classes: dict = field(default_factory=dict)
    staff: dict = field(default_factory=dict)
    drawn: dict = field(default_factory=dict)
    taken: dict = field(default_factory=dict)
    #: (row, attribute, StoredFile, child): set once they have ids.
    links: list = field(default_factory=list)
    password_hash: str = ""
    family_role: object = None
    #: What the town offers (demo/activities.py), and its days (demo/agenda.py).
    offer: object = None
    agenda: object = None

    @property
    def today(self):
        return clock.local(self.present).date()

    @property
    def year_begins(self):
        """The calendar year in which this school year began."""
        return self.today.year - (self.today.month < 8)

    def at(self, days_ago, hour, minute=0):
        """An instant some days ago, by the town's clock; never later than the present."""
        moment = datetime.combine(self.today - timedelta(days=days_ago), time(hour, minute), clock.zone()).astimezone(UTC)
        return min(moment, self.present)

    def chance(self, share):
        return self.rng.random() < share

    def pick(self, options):
        return self.rng.choice(options)

    def weighted(self, **options):
        return self.rng.choices(list(options), list(options.values()))[0]

    def day_between(self, first, last):
        return first + timedelta(days=self.rng.randrange(max((last - first).days, 1)))

    # -- schools ----------------------------------------------------------------------------------------------------------------

    def build_schools(self, families):
        """Three schools, this year and the next, and as many classes as the children need."""
        rows = (
            ("nursery", "École maternelle Les Tilleuls", "2 allée des Tilleuls", 9001),
            ("primary", "École élémentaire Jacques-Prévert", "14 rue des Écoles", 9002),
            ("both", "Groupe scolaire Maria-Montessori", "5 chemin des Vignes", 9003),
        )
        for key, name, address, number in rows:
            self.schools[key] = School(
                name=name,
                address=f"{address}, {names.POSTCODE} {names.TOWN}",
                uai=identifiers.uai(number),
                phone=identifiers.landline(self.rng),
            )
        for key, shift in (("now", 0), ("next", 1)):
            start = self.year_begins + shift
            year = SchoolYear(
                name=f"{start}-{start + 1}", starts_on=date(start, 9, 1), ends_on=date(start + 1, 8, 31), enrolling=key == "next"
            )
            self.years[key] = year
        db.session.add_all([*self.schools.values(), *self.years.values()])
        db.session.flush()
        self._build_classes(sections=max(1, round(families / 130)))

    def _build_classes(self, sections):
        teachers = 0
        for key, school in self.schools.items():
            for level in LEVELS:
                if self.school_key(level, key == "both") != key:
                    continue
                for section in range(sections):
                    name = f"{level.label} {chr(65 + section)}" if sections > 1 else f"{level.label}"
                    row = SchoolClass(
                        school=school, school_year=self.years["now"], name=name, teacher=names.TEACHERS[teachers % len(names.TEACHERS)]
                    )
                    db.session.add(row)
                    self.classes.setdefault((key, level), []).append(row)
                    teachers += 1

    def school_key(self, level, both):
        if both:
            return "both"
        return "nursery" if LEVELS.index(level) < LEVELS.index(Level.cp) else "primary"

    def level_of(self, born, shift=0):
        """The level of a child of this birth date; None before and after school."""
        place = self.year_begins + shift - born.year - 2
        return LEVELS[place] if 0 <= place < len(LEVELS) else None

    # -- files ------------------------------------------------------------------------------------------------------------------

    def face(self, who, **traits):
        """A drawn face, as bytes."""
        drawn = self.drawn.setdefault((who, *sorted(traits.items())), [])
        if len(drawn) < DRAWN_AT_MOST:
            drawn.append(pictures.face(self.rng, **traits))
            return drawn[-1]
        return self.pick(drawn)

    def keep_file(self, owner, attribute, content, filename, noun, family_id, child=None):
        """A file of a family's file, within the open unit of work; settle() sets its id on the row that owns it."""
        row = StoredFile(
            key=uuid4().hex,
            family_id=family_id,
            created_at=clock.now(),
            noun=noun.value,
            filename=filename,
            size=len(content),
            state=FileState.kept,
            media_type="application/pdf" if content.startswith(b"%PDF") else "image/jpeg",
        )
        path = path_of(row.key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(seal_bytes(content))
        db.session.add(row)
        self.links.append((owner, attribute, row, child))

    def settle(self):
        """Write what was made, then bind rows to their files: a flush takes milliseconds, however little it writes."""
        db.session.flush()
        for owner, attribute, row, child in self.links:
            setattr(owner, attribute, row.id)
            row.child_id = child.id if child is not None else None
        self.links.clear()
        db.session.flush()

    def sent_file(self, content, filename, kind, home, child_id=None):
        """The id of a file that a family sends with a request."""
        media_type = "application/pdf" if content.startswith(b"%PDF") else "image/jpeg"
        return store(Upload(filename, media_type, content), noun=kind.noun, family_id=home.family.id, child_id=child_id).id


def set_up_the_town():
    """What the service says of itself, within the open unit of work."""
    settings.put("contact_email", "periscolaire@saint-exemple.example")
    settings.put("contact_phone", "01 99 00 77 10")
    hours = "lundi à vendredi, 8_h_30 – 12_h et 13_h_30 – 17_h_; mercredi, 8_h_30 – 12_h"
    settings.put("opening_hours", hours.replace("_", "\u00a0"))
