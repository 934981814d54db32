"""Places that all units of an activity share.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table("places") as batch:
        batch.alter_column("unit_id", existing_type=sa.Integer(), nullable=True)
    _unique("uq_places_shared_every_day", ["group_id"], sa.text("unit_id IS NULL AND day IS NULL"))
    _unique("uq_places_shared_one_day", ["group_id", "day"], sa.text("unit_id IS NULL AND day IS NOT NULL"))


def _unique(name, columns, only):
    op.create_index(name, "places", columns, unique=True, sqlite_where=only, postgresql_where=only)


def downgrade():
    """Shared places go: an older version knows those of one unit alone."""
    op.drop_index("uq_places_shared_one_day", "places")
    op.drop_index("uq_places_shared_every_day", "places")
    op.execute("DELETE FROM places WHERE unit_id IS NULL")
    with op.batch_alter_table("places") as batch:
        batch.alter_column("unit_id", existing_type=sa.Integer(), nullable=False)
