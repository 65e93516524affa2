"""What Alembic runs: over the connection it is given, in that connection's transaction."""

from __future__ import annotations

from alembic import context

from server.conversations.tables import Tables

context.configure(connection=context.config.attributes["connection"], target_metadata=Tables.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
