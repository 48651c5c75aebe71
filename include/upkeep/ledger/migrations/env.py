"""Runs the migrations on the connection that `upkeep.ledger.migrate` hands over."""

from alembic import context

from upkeep.ledger import backup_tables, incident_tables  # noqa: F401  - their tables belong to Base
from upkeep.ledger.migrate import VERSION_TABLE
from upkeep.ledger.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
