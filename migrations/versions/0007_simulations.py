"""The worker simulates a tariff for the whole town; several simulations may wait at once.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

KINDS, NAME, INDEX = ["reminders", "proofs", "certificates", "simulation"], "ck_family_task_kind", "uq_family_task_open"


def upgrade():
    op.drop_index(INDEX, table_name="family_task")
    with op.batch_alter_table("family_task") as batch:
        batch.add_column(sa.Column("subject", sa.String(length=40), server_default="", nullable=False))
        batch.add_column(sa.Column("about", sa.JSON(), server_default="{}", nullable=False))
        _constrain(batch, KINDS)
    _index("kind", "subject")


def downgrade():
    op.execute("DELETE FROM family_task WHERE kind = 'simulation'")
    op.drop_index(INDEX, table_name="family_task")
    with op.batch_alter_table("family_task") as batch:
        _constrain(batch, KINDS[:-1])
        batch.drop_column("about")
        batch.drop_column("subject")
    _index("kind")


def _constrain(batch, kinds):
    batch.drop_constraint(NAME, type_="check")
    batch.create_check_constraint(NAME, f"kind IN ({', '.join(map(repr, kinds))})")


def _index(*columns):
    running = sa.text("state = 'running'")
    op.create_index(INDEX, "family_task", list(columns), unique=True, sqlite_where=running, postgresql_where=running)
