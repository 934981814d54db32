"""Does the staff's desk say who comes next, to those who may know?"""

import pytest

from tests.activities import cast
from tests.conftest import counted_queries


@pytest.fixture
def town(app, activities):
    with app.app_context():
        cast.book(activities.lea, activities.galbert, activities.meal, cast.TUESDAY, activities.table)
        cast.book(activities.lea, activities.galbert, activities.care, cast.TUESDAY)
        cast.book(activities.tom, activities.galbert, activities.care, cast.TUESDAY)
        cast.book(activities.tom, activities.galbert, activities.meal, cast.THURSDAY, activities.table)
    return activities


def test_the_numbers_of_tomorrow(app, town, sign_in):
    client = sign_in("agent")
    with app.app_context(), counted_queries() as statements:
        page = " ".join(client.get("/mairie/").text.split())
    assert "<h2>Tomorrow</h2>" in page
    assert '<span class="figure">2</span> <span>children are expected</span>' in page
    assert '<span class="figure">1</span> <span>meal</span>' in page
    assert len(statements) <= 8, statements


def test_an_animator_reads_them_too(town, sign_in):
    assert "children are expected" in sign_in("animateur").get("/mairie/").text


def test_nothing_is_said_where_nobody_comes(activities, sign_in):
    assert "expected" not in sign_in("agent").get("/mairie/").text
