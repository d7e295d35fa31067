"""placeholder"""

from .layer_harness import suite

globals().update(suite("attention"))
