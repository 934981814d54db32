"""What somebody else pays may be 33,33 % of a price.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLE, NAME = "third_party_share", "ck_third_party_share_percent"


def upgrade():
    """Percentages are kept in hundredths."""
    with op.batch_alter_table(TABLE) as batch:
        batch.drop_constraint(NAME, type_="check")
        batch.alter_column("percent", type_=sa.BigInteger())
    op.execute("UPDATE third_party_share SET percent = percent * 100")
    _constrain(10000)


def downgrade():
    """To the whole percent, one at least."""
    with op.batch_alter_table(TABLE) as batch:
        batch.drop_constraint(NAME, type_="check")
    op.execute("UPDATE third_party_share SET percent = CASE WHEN percent < 100 THEN 1 ELSE (percent + 50) / 100 END")
    with op.batch_alter_table(TABLE) as batch:
        batch.alter_column("percent", type_=sa.Integer())
    _constrain(100)


def _constrain(most):
    with op.batch_alter_table(TABLE) as batch:
        batch.create_check_constraint(NAME, f"percent IS NULL OR percent BETWEEN 1 AND {most}")
