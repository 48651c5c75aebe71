"""What a child process of a kill test needs; it imports no moto, which takes long."""

from __future__ import annotations

from typing import Any

import boto3

from upkeep.clients.aws import client_config


def child_client(service: str, url: str) -> Any:
    """Return a boto3 client for a server."""
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="eu-central-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=client_config(),
    )
