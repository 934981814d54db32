"""Which days does nobody pay? The exemptions of a class, a school, an activity or a child."""

from collections import defaultdict

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.activities.places import schooling_on
from app.billing.models import Exemption
from app.children.models import SchoolEnrolment
from app.extensions import db


class Exemptions:
    """The exemptions between two days, and which school and class each child goes to. False where there is none."""

    def __init__(self, rows, schooling):
        self.rows, self._schooling = rows, schooling

    @classmethod
    def load(cls, child_ids, first, last):
        """One query; a second one where schools or classes matter."""
        rows = db.session.scalars(select(Exemption).where(Exemption.last_day >= first, Exemption.first_day <= last)).all()
        schooling = defaultdict(list)
        if any(row.school_id or row.school_class_id for row in rows):
            query = select(SchoolEnrolment).where(SchoolEnrolment.child_id.in_(child_ids))
            for enrolment in db.session.scalars(query.options(joinedload(SchoolEnrolment.school_year))):
                schooling[enrolment.child_id].append(enrolment)
        return cls(rows, schooling)

    def __bool__(self):
        return bool(self.rows)

    def cover(self, child_id, activity_id, day):
        """The Exemption because of which nobody pays for a child's day, or None."""
        return next((row for row in self.rows if self._covers(row, child_id, activity_id, day)), None)

    def _covers(self, row, child_id, activity_id, day):
        if not row.first_day <= day <= row.last_day:
            return False
        if row.activity_id not in (None, activity_id) or row.child_id not in (None, child_id):
            return False
        if row.school_id is None and row.school_class_id is None:
            return True
        schooling = schooling_on(self._schooling[child_id], day)
        if schooling is None:
            return False
        return row.school_id in (None, schooling.school_id) and row.school_class_id in (None, schooling.school_class_id)
