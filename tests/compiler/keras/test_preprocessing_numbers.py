"""Preprocessing of numbers and sound, case by case against Keras on torch."""

from .layer_harness import suite

globals().update(suite("preprocessing"))
