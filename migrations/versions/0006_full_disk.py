"""A task that waits while the disk is full.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table("family_task") as table:
        table.add_column(sa.Column("waits_until", sa.DateTime(timezone=True), nullable=True))


def downgrade():
    with op.batch_alter_table("family_task") as table:
        table.drop_column("waits_until")
