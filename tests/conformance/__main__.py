"""Run all node cases and print the table: ``python -m tests.conformance --help``."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import re
import signal
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from .cases import Case, collect
from .check import Result, check
from .report import failed, print_failures, print_table, summary, unsupported_share

LIMIT = 60  # seconds a case
SHARE = 0.02  # of the differentiable cases may be unsupported
_cases: Sequence[Case] = ()


def main() -> int:
    """Returns 0 where all is right."""
    options = _options()
    done = _known(options.store) if options.resume or options.retry else {}
    if options.retry:
        done = {n: r for n, r in done.items() if not failed(r)}
    cases = _chosen(collect(), options)
    rows = [done[c.name] for c in cases if c.name in done]
    left = [c for c in cases if c.name not in done]
    started = time.monotonic()
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("node cases", total=len(left))
        for row in _checked(left, options.jobs):
            rows.append(row)
            progress.advance(task)
            if options.store is not None:
                with options.store.open("a") as file:
                    file.write(json.dumps(row) + "\n")
    console = Console(width=150)
    print_table(console, rows)
    if options.summary is not None:
        options.summary.write_text(json.dumps(summary(rows), indent=1, sort_keys=True) + "\n")
    print_failures(console, rows, options.verbose)
    console.print(f"{len(left)} cases in {time.monotonic() - started:.0f} s")
    wrong = [r for r in rows if "wrong" in (r["forward"], r["gradient"])]
    return int(bool(wrong) or unsupported_share(rows) > SHARE)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.conformance", description=__doc__)
    parser.add_argument("--only", default="", help="regular expression that names must match")
    parser.add_argument(
        "--part", default="1/1", help="for example 3/8: every eighth case, from the third"
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--store", type=Path, help="file of JSON lines to append results to")
    parser.add_argument(
        "--summary", type=Path, help="file to write the numbers and the failures to"
    )
    parser.add_argument("--resume", action="store_true", help="do not repeat what --store holds")
    parser.add_argument(
        "--retry", action="store_true", help="as --resume, but repeat what was not right"
    )
    parser.add_argument("--verbose", action="store_true", help="name all cases that are not right")
    return parser.parse_args()


def _known(store: Path | None) -> dict[str, Any]:
    if store is None or not store.exists():
        return {}
    rows = [json.loads(line) for line in store.read_text().splitlines()]
    return {r["name"]: r for r in rows}


def _chosen(cases: Sequence[Case], options: argparse.Namespace) -> list[Case]:
    part, parts = (int(n) for n in options.part.split("/"))
    found = [c for c in cases if re.search(options.only, c.name)]
    return found[part - 1 :: parts]


def _checked(cases: Sequence[Case], jobs: int) -> Any:
    """Rows as they come; worker processes see the cases because they are forked."""
    global _cases
    _cases = cases
    if jobs <= 1 or len(cases) < 4:
        yield from (row_of(c) for c in cases)
        return
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        yield from pool.imap_unordered(_numbered, range(len(cases)), chunksize=4)


def _late(number: int, frame: object) -> None:
    raise TimeoutError(f"it took more than {LIMIT} s")


def _numbered(index: int) -> dict[str, Any]:
    return row_of(_cases[index])


def row_of(case: Case) -> dict[str, Any]:
    """Check one case within a time limit; nothing is raised."""
    signal.signal(signal.SIGALRM, _late)
    signal.alarm(LIMIT)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return check(case).row()
    except Exception as error:  # a defect of ours, or of the check: shown in the table
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        return Result(case.name, case.op, "differentiable", "wrong", "wrong", reason=reason).row()
    finally:
        signal.alarm(0)


if __name__ == "__main__":
    sys.exit(main())
