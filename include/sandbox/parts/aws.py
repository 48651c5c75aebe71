"""AWS: moto's server with the estate's databases, buckets and backups."""

from __future__ import annotations

from sandbox.estate import Endpoint
from sandbox.parts.model import Context, Part, endpoint, start_server
from sandbox.ports import LOOPBACK, choose_port
from sandbox.seeds.aws_names import ACCOUNT, REGION


def start(context: Context) -> list[Endpoint]:
    """Start the server with the backups of the last nights in it."""
    wanted = ("--port", str(choose_port(context.folder, "aws")), "--certificates", context.folder / "tls")
    child, where = start_server(context, "aws", "sandbox.servers.aws", wanted)
    url = f"http://{LOOPBACK}:{where['port']}"
    return [endpoint("aws", child, where["port"], url=url, details={"region": REGION, "account": ACCOUNT})]


PART = Part(names=("aws",), costs="findings about backups and RDS are unknown", start=start)
