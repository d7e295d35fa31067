"""``waterhorse serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import ArgumentError
from ..service.server import Options, Server, Tls


def tls(certificate: Path | None, key: Path | None, client_ca: Path | None) -> Tls | None:
    """TLS files, complete or none at all."""
    if certificate is None and key is None and client_ca is None:
        return None
    if certificate is None or key is None:
        raise ArgumentError("TLS needs both --tls-cert and --tls-key")
    return Tls(certificate, key, client_ca)


def run(repository: Path, **options: Any) -> None:
    """Serve until a signal. Prints one line when ready."""
    server = Server(repository, Options(**options))
    server.start()
    server.listen_to_signals()
    models = ", ".join(server.repository.names())
    print(f"serving {models} on {server.address}", flush=True)
    server.wait()
