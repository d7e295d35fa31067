"""``python -m waterhorse.service.probe ADDRESS``: ends with 0 where a server is well, for containers."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ..errors import WaterhorseError
from .client import Client


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask grpc.health.v1 and print the answer; 0 means SERVING."""
    parser = argparse.ArgumentParser(prog="waterhorse.service.probe", description=main.__doc__)
    parser.add_argument("address", help="host:port")
    parser.add_argument("model", nargs="?", default="", help="a model instead of the whole server")
    parser.add_argument("--tls", help="CA certificate (PEM) of a server with TLS")
    parser.add_argument("--timeout", type=float, default=3.0, help="seconds")
    given = parser.parse_args(arguments)
    try:
        with Client(given.address, tls=given.tls, timeout=given.timeout) as client:
            status = client.health(given.model)
    except WaterhorseError as error:
        print(error, file=sys.stderr)
        return 1
    print(status)
    return 0 if status == "SERVING" else 1


if __name__ == "__main__":
    sys.exit(main())
