"""What the worker does of many households: reminders, requests for a proof, tax certificates.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _names(name, *values):
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade():
    op.create_table(
        "family_task",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", _names("ck_family_task_kind", "reminders", "proofs", "certificates"), nullable=False),
        sa.Column("state", _names("ck_family_task_state", "waiting", "running", "done", "stopped"), nullable=False),
        sa.Column("families", sa.JSON(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("made", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.String(length=120), nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["asked_by_id"], ["ab_user.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
    )
    running = sa.text("state = 'running'")
    op.create_index("uq_family_task_open", "family_task", ["kind"], unique=True, sqlite_where=running, postgresql_where=running)


def downgrade():
    op.drop_table("family_task")
