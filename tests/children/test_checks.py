"""What do the checks of a child's sections tell the clerk?"""

from datetime import date, timedelta

import pytest

from app.changes.models import Lane
from app.children.models import Child, HealthRecord, Subject
from app.children.operations import set_authorisation
from app.children.vaccines import required_vaccines
from app.core import clock
from app.core.db import unit_of_work
from app.core.files import Upload
from app.documents.operations import store
from app.extensions import db
from app.security.who_sees_what import Noun
from tests.factories import make_request, request_of

MARTIN, PETIT = 2, 3


def told(request_id):
    """(lane, the sentences of the findings) of a request."""
    request = request_of(request_id)
    return request.lane, [finding["sentence"] for finding in request.findings]


def hugo():
    return db.session.scalar(db.select(Child).filter_by(first_name="Hugo"))


@pytest.mark.parametrize(
    ("given_by", "before", "asked", "lane"),
    [
        (PETIT, False, True, Lane.look),
        (PETIT, False, None, Lane.look),
        (MARTIN, False, True, Lane.green),
        (None, False, True, Lane.green),
        (None, None, True, Lane.green),
    ],
)
def test_an_answer_of_the_other_household_is_not_overturned_unseen(ctx, given_by, before, asked, lane):
    with unit_of_work():
        set_authorisation(hugo(), Subject.swimming, before, family_id=given_by)
        set_authorisation(hugo(), Subject.image, True, family_id=PETIT)
    db.session.expire_all()
    number = make_request("authorisations", MARTIN, {"swimming": asked}, child_id=hugo().id)
    found, sentences = told(number)
    assert found is lane
    # In the town's language; what is not asked about is not told.
    assert len(sentences) == (lane is Lane.look)
    assert all(text.startswith("L’autre foyer a répondu autrement") and text.endswith("baignade et jeux d’eau.") for text in sentences)


def health(**values):
    """A complete record of Léa, with a care plan."""
    child = db.session.get(Child, 1)
    dates = {valency.name: "2024-01-01" for valency in required_vaccines(child.birth_date)}
    with unit_of_work():
        child.health = HealthRecord(vaccines=dates, **values)
    db.session.expire_all()


def document():
    with unit_of_work():
        return store(Upload("pai.pdf", "application/pdf", b"%PDF-1.4"), noun=Noun.health, family_id=1, child_id=1).id


def asked(**changes):
    return told(make_request("health", 1, changes, child_id=1))


def test_a_care_plan_without_its_document(ctx):
    health()
    lane, sentences = asked(pai=True)
    assert lane is Lane.papers and any("sans son document" in sentence for sentence in sentences)


def test_the_document_on_file_counts(ctx):
    health(pai_document_id=document())
    lane, sentences = asked(pai=True)
    assert lane is Lane.look and not any("document" in sentence for sentence in sentences)


def test_a_care_plan_that_has_run_out(ctx):
    health(pai=True, pai_document_id=document(), pai_until=date(2027, 7, 1))
    lane, sentences = asked(pai_until=clock.today() - timedelta(days=1))
    assert lane is Lane.papers and any("n’est plus valable" in sentence for sentence in sentences)


def test_one_on_file_has_run_out_too(ctx):
    health(pai=True, pai_document_id=document(), pai_until=clock.today() - timedelta(days=1))
    assert asked(doctor="Dr Blanc")[0] is Lane.papers


def test_a_care_plan_that_is_over_is_no_care_plan(ctx):
    health(pai=True, pai_document_id=document(), pai_until=clock.today() - timedelta(days=1))
    assert asked(pai=False)[0] is Lane.look


def test_what_the_people_on_site_do_is_looked_at(ctx):
    health()
    assert asked(what_to_do="The blue pen")[0] is Lane.look
