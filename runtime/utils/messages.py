"""Lines for whoever runs a program, on the screen or in the log."""

from __future__ import annotations

import logging
import sys

logger = logging.getLogger("waterhorse")


class _Global:
    interactive = True


def enable_interactive_logging() -> None:
    """Messages go to the standard output (the default)."""
    _Global.interactive = True


def disable_interactive_logging() -> None:
    """Messages go to the logger "waterhorse", at level INFO."""
    _Global.interactive = False


def is_interactive_logging_enabled() -> bool:
    """Whether messages go to the standard output."""
    return _Global.interactive


def say(message: str, line_break: bool = True) -> None:
    """Print ``message``, or log it."""
    if not _Global.interactive:
        logger.info("%s", message)
        return
    sys.stdout.write(f"{message}\n" if line_break else message)
    sys.stdout.flush()
