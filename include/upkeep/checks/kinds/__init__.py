"""Every kind of check; importing this package registers them."""

from upkeep.checks.kinds import (
    alert_rules,
    alerts_since,
    backup_proofs,
    backup_status,
    certificates,
    dashboards,
    error_log_archive,
    error_logs,
    health,
    kpi_report,
    log_archive,
    metrics,
    resource_usage,
    security_alerts,
    slo,
    vulnerabilities,
)

__all__ = [
    "alert_rules",
    "alerts_since",
    "backup_proofs",
    "backup_status",
    "certificates",
    "dashboards",
    "error_log_archive",
    "error_logs",
    "health",
    "kpi_report",
    "log_archive",
    "metrics",
    "resource_usage",
    "security_alerts",
    "slo",
    "vulnerabilities",
]
