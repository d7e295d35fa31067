"""What a layer was built for, as plain data, and building it again."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any


class Rebuilding:
    """Remembers the shapes that ``build`` was called with."""

    _build_shapes: Mapping[str, Any] | None = None
    build: Callable[..., None]

    def _remember_shapes(self, build: Callable[..., None], *args: Any, **kwargs: Any) -> None:
        given = inspect.signature(build).bind(self, *args, **kwargs).arguments
        self._build_shapes = dict(list(given.items())[1:])

    def get_build_config(self) -> dict[str, Any] | None:
        """The shapes that the layer was built for; None before it is built.

        ``{"input_shape": shape}``, or where ``build`` takes several ``{"shapes_dict": {name: shape}}``.
        """
        shapes = self._build_shapes
        if shapes is None:
            return None
        if len(shapes) == 1:
            return {"input_shape": next(iter(shapes.values()))}
        return {"shapes_dict": dict(shapes)}

    def build_from_config(self, config: Mapping[str, Any] | None) -> None:
        """Build for the shapes that ``get_build_config`` gave; nothing for None or an empty dict."""
        if config and "input_shape" in config:
            self.build(config["input_shape"])
        elif config and "shapes_dict" in config:
            self.build(**config["shapes_dict"])
