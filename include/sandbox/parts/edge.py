"""The estate's outer side: health end points, TLS, mail and the capture server, in one process."""

from __future__ import annotations

import json

from sandbox.certificates import DAYS_VALID
from sandbox.estate import Endpoint
from sandbox.parts.model import Context, Part, endpoint, start_server
from sandbox.ports import LOOPBACK, choose_port

NAMES = ("health", "tls", "mail", "capture")


def start(context: Context) -> list[Endpoint]:
    """Start the process; the certificates have been issued before."""
    folder = context.folder
    wanted = {name: choose_port(folder, name) for name in NAMES}
    certificates = folder / "tls"
    arguments = ("--ports", json.dumps(wanted), "--certificates", certificates)
    child, where = start_server(context, "edge", "sandbox.servers.edge", arguments)
    authority = str(certificates / "ca.pem")
    systems = {name: f"http://{LOOPBACK}:{port}" for name, port in where["systems"].items()}
    names = dict.fromkeys(DAYS_VALID, f"{LOOPBACK}:{where['tls']}")
    admin = f"http://{LOOPBACK}:{where['admin']}"
    https = f"https://{LOOPBACK}:{where['capture_https']}"
    return [
        endpoint("health", child, where["admin"], url=admin, details={"urls": systems}),
        endpoint("tls", child, where["tls"], details={"ca_file": authority, "names": names}),
        endpoint("mail", child, where["mail"], details={"mailbox_url": f"{admin}/mail"}),
        endpoint(
            "capture", child, where["capture"], url=f"http://{LOOPBACK}:{where['capture']}",
            details={"https_url": https, "ca_file": authority},
        ),
    ]  # fmt: skip


PART = Part(
    names=NAMES,
    costs="findings about health end points and certificates are unknown, and messages go nowhere",
    start=start,
)
