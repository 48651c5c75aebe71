"""All parts of the sandbox. The slowest come first, so that the others start in their shadow."""

from __future__ import annotations

from sandbox.parts import (
    alertmanager,
    aws,
    edge,
    kafka,
    kubernetes,
    mariadb,
    platform,
    postgres,
    prometheus,
    redis,
)

PARTS = (
    edge.PART,
    aws.PART,
    kubernetes.PART,
    platform.PART,
    postgres.PART,
    *mariadb.PARTS,
    redis.PART,
    kafka.PART,
    alertmanager.PART,
    prometheus.PART,
)
