"""Start the API server: `python -m sandbox.kubernetes --state-file PATH --token-file PATH`."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from sandbox.kubernetes.server import Settings, serve


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.kubernetes", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 for a free one")
    parser.add_argument("--state-file", type=Path, required=True, help="gets the port as JSON once listening")
    parser.add_argument("--token-file", type=Path, required=True, help="the bearer token; made if missing")
    parser.add_argument("--tls-cert", type=Path, help="PEM certificate chain, to serve https")
    parser.add_argument("--tls-key", type=Path, help="its key")
    options = parser.parse_args()
    if bool(options.tls_cert) != bool(options.tls_key):
        parser.error("--tls-cert and --tls-key go together")
    settings = Settings(
        options.port, options.state_file, options.token_file, options.tls_cert, options.tls_key
    )
    asyncio.run(serve(settings))


if __name__ == "__main__":
    main()
