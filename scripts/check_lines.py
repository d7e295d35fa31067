"""No file over 500 lines without a reason. Prints the lines per folder."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

LIMIT = 500
# file -> why it may be longer
REASONS = {
    "compiler/op.pyi": "generated from the operator schemas",
}


def main() -> int:
    """Count the lines of all Python files that git knows."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.py", "*.pyi"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    lines: Counter[str] = Counter()
    long = []
    for name in filter(None, listed.split("\0")):
        path = Path(name)
        if not path.is_file() or path.is_symlink() or "_pb2" in name:
            continue
        count = len(path.read_text().splitlines())
        lines[path.parts[0]] += count
        if count > LIMIT and name not in REASONS:
            long.append(f"{name} has {count} lines: split it, or give a reason in {__file__}")
    print("lines:", ", ".join(f"{folder} {count:,}" for folder, count in sorted(lines.items())))
    print(*long, sep="\n", end="\n" if long else "")
    return 1 if long else 0


if __name__ == "__main__":
    sys.exit(main())
