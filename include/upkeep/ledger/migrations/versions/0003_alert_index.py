"""An index for the newest start of an alert; the number of a reminder, which is part of its key."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The primary key's own index serves no search by prefix: its order is that of the database's language.
    op.create_index(
        "signals_event_id_prefix_idx",
        "signals",
        ["event_id"],
        postgresql_ops={"event_id": "text_pattern_ops"},
    )
    op.add_column(
        "pages",
        sa.Column(
            "number",
            sa.Integer,
            nullable=False,
            server_default=sa.text("0"),
            comment="of reminders, which one; 0 for a page of the chain",
        ),
    )
