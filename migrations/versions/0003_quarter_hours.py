"""What is booked may be a quarter of an hour.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KINDS = ["meal", "quarter_hour", "half_hour", "hour", "half_day", "day"]


def upgrade():
    """Widen the two constraints that name the kinds."""
    _constrain(KINDS, ["hour", "half_hour", "quarter_hour"])


def downgrade():
    """The former kinds; a quarter of an hour becomes half of one."""
    op.execute("UPDATE activity_unit SET kind = 'half_hour' WHERE kind = 'quarter_hour'")
    _constrain([kind for kind in KINDS if kind != "quarter_hour"], ["hour", "half_hour"])


def _constrain(kinds, timed):
    with op.batch_alter_table("activity_unit") as batch:
        for name, words in (
            ("ck_activity_unit_kind", f"kind IN ({', '.join(map(repr, kinds))})"),
            ("ck_activity_unit_by_time", f"NOT by_time OR kind IN ({', '.join(map(repr, timed))})"),
        ):
            batch.drop_constraint(name, type_="check")
            batch.create_check_constraint(name, words)
