"""The version, in one place."""

__version__ = "0.1.0"


def version() -> str:
    """The version of this package."""
    return __version__
