"""What does a clerk see who acts for a family, and what does that leave behind?"""

import pytest

from app.audit.models import HealthRead
from app.extensions import db
from tests.conftest import counted_queries
from tests.portal.asking import ask, child_id, waiting_lot

PAGES = ["/portail/", "/portail/compte/", "/portail/enfants/{}/", "/portail/demandes/", "/portail/messages/"]


@pytest.fixture
def acting(sign_in):
    """A clerk who enters what family Galbert said on the telephone."""
    client = sign_in("agent")
    with client.session_transaction() as session:
        session["acting"] = {"family": 1, "channel": "phone", "received_on": "2026-11-20"}
    return client


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_for_whom(app, acting, page):
    with app.app_context():
        url = page.format(child_id("Léa"))
    acting.get(url)
    with app.app_context(), counted_queries() as statements:
        answer = acting.get(url)
    assert answer.status_code == 200 and "You act for family Galbert" in answer.text
    assert len([statement for statement in statements if "health_read" not in statement or statement.startswith("SELECT")]) <= 8, statements


def test_what_the_clerk_enters_names_its_channel(app, acting):
    assert ask(acting, mobile="06 99 88 77 66").status_code == 302
    with app.app_context():
        assert waiting_lot().channel.value == "phone"


def test_the_clerk_is_not_asked_for_the_familys_password(acting):
    assert 'name="password"' not in acting.get("/portail/demande/bank/edit/1").text


def test_reading_health_data_leaves_a_trace_that_the_parents_see(app, acting, sign_in):
    with app.app_context():
        lea = child_id("Léa")
    acting.get(f"/portail/enfants/{lea}/")
    acting.get(f"/portail/demande/health/edit/{lea}")
    with app.app_context():
        assert db.session.scalar(db.select(db.func.count(HealthRead.id)).where(HealthRead.child_id == lea)) == 2
    page = sign_in("galbert").get(f"/portail/enfants/{lea}/").text
    assert "Agent Mairie" in page


def test_without_a_family_a_clerk_has_no_portal(sign_in):
    assert sign_in("agent").get("/portail/").status_code == 403
