"""The ledger's tables of backups, their proofs, approvals, recoveries. All times are with time zone."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from upkeep.ledger.tables import Base


class BackupRow(Base):
    """One backup that was made; one that was deleted stays, with the reason."""

    __tablename__ = "backups"

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="derived from system, policy and name")
    system: Mapped[str]
    policy: Mapped[str]
    name: Mapped[str]
    reference: Mapped[str] = mapped_column(comment="where it is")
    started_at: Mapped[datetime] = mapped_column(comment="its data is as of then or later")
    ended_at: Mapped[datetime]
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(comment="of what is stored")
    encryption: Mapped[str | None]
    facts: Mapped[dict[str, Any]] = mapped_column(comment="what was known of the source at backup time")
    dag_id: Mapped[str]
    run_id: Mapped[str]
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    deleted_at: Mapped[datetime | None]
    deleted_why: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint("system", "policy", "name"),
        Index("backups_system_policy_started_at_idx", "system", "policy", "started_at"),
    )


class ProofRow(Base):
    """What one examination of a backup showed, at one level."""

    __tablename__ = "backup_proofs"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    backup_id: Mapped[UUID] = mapped_column(ForeignKey("backups.id"))
    level: Mapped[int] = mapped_column(comment="1 exists to 5 invariants hold")
    at: Mapped[datetime]
    holds: Mapped[bool]
    problems: Mapped[list[str]]
    evidence: Mapped[dict[str, Any]]
    dag_id: Mapped[str]
    run_id: Mapped[str]
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("now()"))

    __table_args__ = (UniqueConstraint("backup_id", "level", "dag_id", "run_id"),)


class ApprovalRow(Base):
    """One person's approval of one plan, for one attempt of one procedure of one run."""

    __tablename__ = "approvals"

    dag_id: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(primary_key=True)
    task_id: Mapped[str] = mapped_column(primary_key=True, comment="the procedure that it is for")
    attempt: Mapped[int] = mapped_column(primary_key=True, comment="how often the run had been cleared")
    approved_by: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(comment="of the plan")
    plan: Mapped[dict[str, Any]]
    approved_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class RecoveryRow(Base):
    """One recovery or drill, with what it took."""

    __tablename__ = "recoveries"

    dag_id: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(primary_key=True)
    task_id: Mapped[str] = mapped_column(primary_key=True, comment="the procedure")
    system: Mapped[str]
    subject: Mapped[str] = mapped_column(comment="what is recovered, the same in every run")
    drill: Mapped[bool]
    backup_id: Mapped[UUID | None] = mapped_column(ForeignKey("backups.id"))
    target: Mapped[str]
    plan: Mapped[dict[str, Any]]
    lost_at: Mapped[datetime | None] = mapped_column(
        comment="when the loss began; of a drill, when it was made"
    )
    data_as_of: Mapped[datetime | None] = mapped_column(comment="the moment that the restored data speaks of")
    began_at: Mapped[datetime]
    restored_at: Mapped[datetime | None]
    verified_at: Mapped[datetime | None]
    cleaned_at: Mapped[datetime | None]
    problems: Mapped[list[str]]

    __table_args__ = (Index("recoveries_system_subject_began_at_idx", "system", "subject", "began_at"),)
