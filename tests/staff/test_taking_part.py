"""Do the pages of a family and a child tell the staff in what the children take part, each to those who may see it?"""

from app.activities.models import Paper
from app.core.db import unit_of_work
from app.extensions import db
from tests.activities import cast


def test_enrolments_days_and_papers_stand_on_both_pages(app, sign_in, activities):
    with app.app_context():
        cast.absent(cast.book(activities.lea, 1, activities.meal, cast.TUESDAY), activities.ill)
        cast.book(activities.lea, 1, activities.care, cast.THURSDAY)
        with unit_of_work():
            db.session.add(Paper(paper_type_id=activities.vaccination, family_id=1, child_id=activities.lea, valid_until=cast.FRIDAY))
    for path in ("/mairie/familles/1/", f"/mairie/enfants/{activities.lea}/"):
        page = sign_in("agent").get(path).text
        for words in ("Canteen", "Evening care", "absent", "Insurance (test)", "missing", "Vaccination (test)", "runs out soon"):
            assert words in page, (path, words)
        page = sign_in("lecteur").get(path).text
        assert "Evening care" in page and "Insurance (test)" not in page and "supprimer" not in page


def test_nothing_yet_is_said(app, sign_in):
    page = sign_in("agent").get("/mairie/enfants/1/").text
    assert "Enrolled in nothing." in page and "Nothing is booked." in page


def test_what_is_over_is_not_shown(app, sign_in, activities):
    with app.app_context():
        cast.book(activities.tom, 1, activities.meal, cast.date(2026, 11, 20))
        cast.book(activities.tom, 1, activities.meal, cast.date(2026, 12, 31))
    assert "Nothing is booked." in sign_in("agent").get(f"/mairie/enfants/{activities.tom}/").text
