"""Names that the AWS part and those who talk to it share."""

from __future__ import annotations

ACCOUNT = "123456789012"
REGION = "us-east-1"
SECOND_REGION = "us-west-2"
INSTANCE = "quikapp-live"
ACCESS_KEY, SECRET_KEY = "sandbox", "sandbox"
"""moto checks neither."""
