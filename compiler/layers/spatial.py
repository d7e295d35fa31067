"""What layers over sequences, images and volumes share: how many axes of space, and where they are."""

from __future__ import annotations

from typing import Any

from .. import windows
from .base import Layer


class SpatialLayer(Layer):
    """A layer over ``rank`` axes of space, with the channels behind them or before them."""

    rank = 0
    data_format = "channels_last"
    _casts_integers = True

    def _set_layout(self, data_format: str | None) -> None:
        """Settle the layout. A saved configuration keeps it even where it was the default's."""
        self.data_format = windows.layout_name(type(self).__name__, data_format)
        if "data_format" in self._arguments:
            self._arguments["data_format"] = self.data_format

    @property
    def channels_first(self) -> bool:
        return self.data_format == "channels_first"

    @property
    def _axes(self) -> list[int]:
        """The axes of space."""
        first = 2 if self.channels_first else 1
        return [*range(first, first + self.rank)]

    def _check_space(self, shape: Any) -> None:
        windows.check_space(self.name, shape, self.rank)
