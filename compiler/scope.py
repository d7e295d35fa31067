"""Where a node comes from: the layer that made it, and the user's line.

Both are kept beside the graph, never in exported files (a file should not tell local paths).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

# The package is reached through symlinks, so a frame may name either path.
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_INSIDE = tuple(
    {
        os.path.join(folder, "")
        for sub in ("compiler", "runtime", "service")
        for folder in (os.path.join(_PACKAGE, sub), os.path.realpath(os.path.join(_PACKAGE, sub)))
    }
    | {os.path.join(_PACKAGE, ""), "<frozen", "<string>"}
)


class Site(NamedTuple):
    """A line of the user's program."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


_is_inside: dict[str, bool] = {}
_scope: ContextVar[str] = ContextVar("scope", default="forward")
_site: ContextVar[Site | None] = ContextVar("site", default=None)


def current() -> str:
    """The name that new nodes get as their prefix, such as ``forward/dense_1``."""
    return _scope.get()


@contextmanager
def entered(name: str) -> Iterator[None]:
    """Nodes made inside are named under ``name``, below the present scope."""
    token = _scope.set(f"{_scope.get()}/{name}")
    try:
        yield
    finally:
        _scope.reset(token)


@contextmanager
def replaced(name: str, site: Site | None = None) -> Iterator[None]:
    """Nodes made inside are named under ``name`` alone and belong to ``site`` where one is given."""
    token = _scope.set(name)
    place = _site.set(site or _site.get())
    try:
        yield
    finally:
        _scope.reset(token)
        _site.reset(place)


@contextmanager
def at(site: Site | None) -> Iterator[None]:
    """Nodes made inside belong to ``site``: a layer is traced long after the user wrote it."""
    token = _site.set(site)
    try:
        yield
    finally:
        _site.reset(token)


def site() -> Site | None:
    """The nearest line outside of this package, or the one that ``at`` has set."""
    fixed = _site.get()
    if fixed is not None:
        return fixed
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        inside = _is_inside.get(file)
        if inside is None:
            inside = _is_inside[file] = file.startswith(_INSIDE)
        if not inside:
            return Site(file, frame.f_lineno)
        if frame.f_back is None:
            return None
        frame = frame.f_back
    return None
