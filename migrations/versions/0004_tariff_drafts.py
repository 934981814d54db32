"""A price table may be a draft: it counts on no day, so several may begin on the same.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table("tariff_grid") as batch:
        batch.add_column(sa.Column("draft", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch.drop_constraint("uq_tariff_grid_start", type_="unique")
    only = sa.text("NOT draft")
    op.create_index(
        "uq_tariff_grid_start", "tariff_grid", ["activity_id", "starts_on"], unique=True, sqlite_where=only, postgresql_where=only
    )


def downgrade():
    """Drafts go: without the column they would count."""
    op.execute("DELETE FROM tariff_grid WHERE draft")
    op.drop_index("uq_tariff_grid_start", "tariff_grid")
    with op.batch_alter_table("tariff_grid") as batch:
        batch.drop_column("draft")
        batch.create_unique_constraint("uq_tariff_grid_start", ["activity_id", "starts_on"])
