"""What does the agenda show, and what becomes of a tap?"""

import pytest

AGENDA = "/portail/agenda/"


@pytest.fixture
def galbert(sign_in, activities):
    """Christelle's client, in a town with activities."""
    return sign_in("galbert")


def spot(child, unit, day):
    return f"{child}.{unit}.{day.isoformat()}"


def test_the_page(app, galbert, activities):
    page = galbert.get(AGENDA)
    assert page.status_code == 200
