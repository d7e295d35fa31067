"""Metrics sent to a web server."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
import warnings
from collections.abc import Mapping

import numpy as np

from ...errors import ArgumentError
from .base import Callback, Logs


class RemoteMonitor(Callback):
    """Send the metrics of each epoch by HTTP POST; a server that cannot be reached is a warning.

    Args:
        root: where the server is, with http:// or https://.
        path: added to it.
        field: the name of the form's field that holds the metrics as JSON.
        headers: more headers of the request.
        send_as_json: send the JSON alone, not within a form.
    """

    timeout = 10.0  # seconds

    def __init__(
        self, root: str = "http://localhost:9000", path: str = "/publish/epoch/end/",
        field: str = "data", headers: Mapping[str, str] | None = None, send_as_json: bool = False,
    ) -> None:  # fmt: skip
        if urllib.parse.urlsplit(root).scheme not in ("http", "https"):
            raise ArgumentError(f"RemoteMonitor(root={root!r}): expected http:// or https://")
        self.root, self.path, self.field = root, path, field
        self.headers, self.send_as_json = dict(headers or {}), send_as_json

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        numbers = {k: v.tolist() if isinstance(v, (np.ndarray, np.generic)) else v
                   for k, v in (logs or {}).items()}  # fmt: skip
        text = json.dumps({"epoch": epoch, **numbers})
        kind, body = "application/json", text
        if not self.send_as_json:
            kind, body = (
                "application/x-www-form-urlencoded",
                urllib.parse.urlencode({self.field: text}),
            )
        request = urllib.request.Request(  # the scheme was checked
            self.root + self.path, body.encode(), {"Content-Type": kind, **self.headers}
        )
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            warnings.warn(f"RemoteMonitor: {self.root} answered {error.code}", stacklevel=2)
        except OSError as error:
            warnings.warn(f"RemoteMonitor: could not reach {self.root} ({error})", stacklevel=2)
