"""Runs, findings, skips, measurements by month, missed deadlines, reports."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
NOW = sa.text("now()")
IN_FORCE = sa.text("superseded_at IS NULL")
BASE_UNIT = "in the base unit `unit`"


def upgrade() -> None:
    op.create_table(
        "runs",
        sa.Column("dag_id", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("system", sa.Text, nullable=False),
        sa.Column("routine", sa.Text, nullable=False),
        sa.Column("run_type", sa.Text, nullable=False, comment="scheduled, manual or backfill"),
        sa.Column("as_of", TIME, nullable=False, comment="the moment that the run speaks of"),
        sa.Column("since", TIME, nullable=False, comment="where the time under review begins"),
        sa.Column("dry_run", sa.Boolean, nullable=False),
        sa.Column(
            "procedures", ARRAY(sa.Text), nullable=False, comment="what the run was asked for; empty is all"
        ),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("recorded_at", TIME, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("dag_id", "run_id", name="runs_pkey"),
    )
    op.create_index("runs_system_routine_as_of_idx", "runs", ["system", "routine", "as_of"])
    _findings()
    op.create_table(
        "skips",
        sa.Column("dag_id", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("task_id", sa.Text, nullable=False),
        sa.Column("map_index", sa.Integer, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False, comment="Airflow's try number"),
        sa.Column("procedure_id", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("recorded_at", TIME, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("dag_id", "run_id", "task_id", "map_index", name="skips_pkey"),
        sa.ForeignKeyConstraint(
            ["dag_id", "run_id"], ["runs.dag_id", "runs.run_id"], name="skips_dag_id_run_id_fkey"
        ),
    )
    op.create_table(
        "measurements",
        sa.Column("system", sa.Text, nullable=False),
        sa.Column("metric", sa.Text, nullable=False, comment="the check's name, with labels"),
        sa.Column("at", TIME, nullable=False),
        sa.Column("value", sa.Float, nullable=False, comment=BASE_UNIT),
        sa.Column("unit", sa.Text),
        sa.Column("dag_id", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("system", "metric", "at", name="measurements_pkey"),
        postgresql_partition_by="RANGE (at)",
    )
    _deadline_misses_and_reports()


def _findings() -> None:
    op.create_table(
        "findings",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("dag_id", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("task_id", sa.Text, nullable=False),
        sa.Column("map_index", sa.Integer, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False, comment="Airflow's try number"),
        sa.Column("system", sa.Text, nullable=False),
        sa.Column("procedure_id", sa.Text, nullable=False),
        sa.Column("check_id", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False, comment="order within the task"),
        sa.Column("state", sa.Text, nullable=False, comment="ok, warning, critical or unknown"),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("value", sa.Float, comment=BASE_UNIT),
        sa.Column("unit", sa.Text),
        sa.Column("limit_text", sa.Text),
        sa.Column("limit_value", sa.Float, comment=BASE_UNIT),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("observed_at", TIME, nullable=False, comment="the moment that the value speaks of"),
        sa.Column("recorded_at", TIME, nullable=False, server_default=NOW),
        sa.Column("reason", sa.Text, comment="why it is unknown"),
        sa.Column("evidence", JSONB, nullable=False),
        sa.Column("runbook", sa.Text),
        sa.Column("superseded_at", TIME, comment="when a later attempt replaced it"),
        sa.PrimaryKeyConstraint("id", name="findings_pkey"),
        sa.ForeignKeyConstraint(
            ["dag_id", "run_id"], ["runs.dag_id", "runs.run_id"], name="findings_dag_id_run_id_fkey"
        ),
    )
    key = ["dag_id", "run_id", "task_id", "map_index", "check_id"]
    op.create_index("findings_current_key", "findings", key, unique=True, postgresql_where=IN_FORCE)
    op.create_index("findings_dag_id_run_id_task_id_idx", "findings", ["dag_id", "run_id", "task_id"])
    op.create_index("findings_system_observed_at_idx", "findings", ["system", "observed_at"])


def _deadline_misses_and_reports() -> None:
    op.create_table(
        "deadline_misses",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("dag_id", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("system", sa.Text, nullable=False),
        sa.Column("routine", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("deadline_at", TIME, nullable=False),
        sa.Column("allowed_seconds", sa.Float, nullable=False, comment="from the run's due time"),
        sa.Column("recorded_at", TIME, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("id", name="deadline_misses_pkey"),
        sa.UniqueConstraint(
            "dag_id", "run_id", "deadline_at", name="deadline_misses_dag_id_run_id_deadline_at_key"
        ),
    )
    op.create_table(
        "reports",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("dag_id", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("markdown", sa.Text, nullable=False),
        sa.Column("html", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False, server_default=NOW),
        sa.Column("superseded_at", TIME),
        sa.PrimaryKeyConstraint("id", name="reports_pkey"),
    )
    op.create_index(
        "reports_current_key", "reports", ["dag_id", "run_id"], unique=True, postgresql_where=IN_FORCE
    )


def downgrade() -> None:
    # Evidence is not thrown away by a downgrade; restore the database's backup instead.
    raise NotImplementedError("the ledger keeps evidence: restore a backup of its database instead")
