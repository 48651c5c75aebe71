"""The sandbox's Prometheus: 90 days of believable history, joined without a seam by a live exporter."""

from sandbox.prometheus.configuration import (
    alertmanager_arguments,
    prepare,
    prepare_alertmanager,
    prometheus_arguments,
)

__all__ = ["alertmanager_arguments", "prepare", "prepare_alertmanager", "prometheus_arguments"]
