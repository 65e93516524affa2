"""Questions kept for insights, apart from the conversations they were asked in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """From conversations alone."""
    op.create_table(
        "questions",
        sa.Column("n", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("message_id", sa.String(128), nullable=False, unique=True),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("abstained", sa.Boolean, nullable=False),
        sa.Column("answerable", sa.Boolean, nullable=False),
        sa.Column("cited", sa.JSON, nullable=False),
        sa.Column("nearest", sa.JSON, nullable=True),
        sa.Column("rating", sa.String(8), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_questions_created_at", "questions", ["created_at"])
