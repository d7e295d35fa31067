"""Recurrent layers, case by case: see ``layer_harness``."""

from __future__ import annotations

from .layer_harness import suite

globals().update(suite("recurrent"))
