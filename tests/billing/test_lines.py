"""Are the right days charged, to the right household, at the right price?"""

from tests.billing import cast


def test_october(app, ctx, billed):
    from app.billing.lines import drafts

    made = drafts([1, 2, 3], *cast.OCTOBER_DAYS)
    assert {family_id: draft.total for family_id, draft in made.items()} == cast.OCTOBER
    assert {family_id: len(draft.lines) for family_id, draft in made.items()} == cast.LINES_OF_OCTOBER


def test_november(app, ctx, billed):
    from app.billing.lines import drafts

    made = drafts([1, 2, 3], *cast.NOVEMBER_DAYS)
    assert {family_id: draft.total for family_id, draft in made.items()} == cast.NOVEMBER
