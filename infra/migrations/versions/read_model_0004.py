"""What a call wrote to a vendor's cache: a part of its prompt with a price of its own."""

from alembic import op

revision = "read_model_0004"
down_revision = "read_model_0003"


def upgrade() -> None:
    op.execute("alter table provider_attempts add column cache_write_tokens integer")
