"""The paper that a quotient was entered from; where a household lived before, and at which fund it was.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table("income_quotient") as batch:
        batch.add_column(sa.Column("proof_id", sa.Integer(), nullable=True))
        batch.create_foreign_key("fk_income_quotient_proof", "stored_file", ["proof_id"], ["id"], ondelete="SET NULL")
    op.create_table(
        "former_place",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("family_id", sa.Integer(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("resident", sa.Boolean(), nullable=True),
        sa.Column(
            "fund",
            sa.Enum("caf", "msa", "none", name="ck_former_place_fund", native_enum=False, create_constraint=True, length=32),
            nullable=True,
        ),
        sa.CheckConstraint("(resident IS NULL) != (fund IS NULL)", name="ck_former_place_one"),
        sa.ForeignKeyConstraint(["family_id"], ["family.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_former_place_family", "former_place", ["family_id", "last_day"])


def downgrade():
    op.drop_index("ix_former_place_family", "former_place")
    op.drop_table("former_place")
    with op.batch_alter_table("income_quotient") as batch:
        batch.drop_constraint("fk_income_quotient_proof", type_="foreignkey")
        batch.drop_column("proof_id")
