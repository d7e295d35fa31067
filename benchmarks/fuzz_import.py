"""Damaged models for the reader: each is read, or refused with ``FileFormatError``.

    python benchmarks/fuzz_import.py --seconds 600 [--seed 1] [--cases] [--keep FOLDER]
    python benchmarks/fuzz_import.py --executions 300 --seed 7          # what the test runs
    python benchmarks/fuzz_import.py --replay FILE                      # once more, with its traceback

Models are damaged by bytes and by fields (``mutations.py``), and read by ``wh.load_onnx`` in a child
process with limited memory; the same seed gives the same models. Findings: a child that dies (onnx's
inference is C++), one that takes more than ``--patience`` seconds for one model, any exception other than
FileFormatError, and a model that takes much memory. Of each kind of finding the first model is kept. Ends
with 1 where there are any.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import fuzz_corpus
import mutations
import onnx

import waterhorse as wh
from waterhorse.errors import FileFormatError

MEMORY = 1 << 30  # of the child's address space beyond what it has at the start
GREEDY = 200 << 20  # bytes that reading a model of a few kilobytes may take
FIRST_WORD = "waterhorse"


def attempted(data: bytes) -> tuple[str, str]:
    """What became of a model: "read", "refused", or the name of an exception; and where it came from."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            wh.load_onnx(data)
        except FileFormatError:
            return "refused", ""
        except Exception as error:  # that is what is looked for
            return type(error).__name__, _place(error)
    return "read", ""


def _place(error: BaseException) -> str:
    """The innermost line of ours, and the message."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if FIRST_WORD in f.filename]
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return f"{where}: {str(error).splitlines()[0][:150] if str(error) else ''}"


def made(seeds: list[bytes], seed: int, number: int) -> bytes:
    """The model of this number."""
    return mutations.mutated(seeds, random.Random(f"{seed}/{number}"))  # noqa: S311


# -- the child --------------------------------------------------------------------------------------


def work(arguments: argparse.Namespace) -> None:
    """Read models until told to stop; a line of JSON for each on stdout."""
    seeds = [*fuzz_corpus.models(cases=arguments.cases).values()]
    wh.load_onnx(seeds[0])
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for number in range(arguments.start, arguments.start + arguments.executions):
        data = made(seeds, arguments.seed, number)
        print(json.dumps({"number": number}), flush=True)
        before = _peak()
        outcome, where = attempted(data)
        if _peak() - before > GREEDY:
            outcome, where = "greedy", f"{(_peak() - before) >> 20} MiB"
        print(json.dumps({"outcome": outcome, "where": where}), flush=True)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


# -- the parent -------------------------------------------------------------------------------------


class Findings:
    """How often what happened, and the first model of each kind of finding."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.folder, self.seed = arguments.keep, arguments.seed
        self.seeds = [*fuzz_corpus.models(cases=arguments.cases).values()]
        self.outcomes: Counter[str] = Counter()
        self.kinds: Counter[tuple[str, str]] = Counter()
        self.slowest = 0.0

    def add(self, outcome: str, where: str, number: int) -> None:
        self.outcomes[outcome] += 1
        if outcome in ("read", "refused"):
            return
        kind = (outcome, where.split(": ", maxsplit=1)[0] if outcome != "greedy" else "")
        self.kinds[kind] += 1
        if self.kinds[kind] == 1:
            path = self.folder / f"{outcome}-{number}.onnx"
            path.write_bytes(made(self.seeds, self.seed, number))
            print(f"{outcome} in model {number}, {where}; kept as {path}", flush=True)


def fuzz(arguments: argparse.Namespace) -> Findings:
    """Start children until the time is up, or as many models were read as asked for."""
    arguments.keep.mkdir(parents=True, exist_ok=True)
    findings = Findings(arguments)
    end = time.monotonic() + arguments.seconds if arguments.seconds else float("inf")
    number = 0
    while number < arguments.executions and time.monotonic() < end:
        number = _run_child(arguments, number, end, findings)
    return findings


def _run_child(arguments: Any, start: int, end: float, findings: Findings) -> int:
    """One child; returns the number of the next model."""
    command = [
        sys.executable, __file__, "--work", "--start", str(start), "--seed", str(arguments.seed),
        "--executions", str(arguments.executions - start), "--keep", str(arguments.keep),
        *(["--cases"] if arguments.cases else []),
    ]  # fmt: skip
    errors = (arguments.keep / "stderr").open("wb")
    with errors, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as child:
        number, waiting, since = start, False, time.monotonic()
        os.set_blocking(child.stdout.fileno(), False)  # type: ignore[union-attr]
        buffer = b""
        while time.monotonic() < end:
            chunk = child.stdout.read() if child.stdout else b""
            buffer += chunk or b""
            *lines, buffer = buffer.split(b"\n")
            for line in lines:
                said = json.loads(line)
                waiting = "number" in said
                if waiting:
                    number, since = said["number"], time.monotonic()
                else:
                    findings.slowest = max(findings.slowest, time.monotonic() - since)
                    findings.add(said["outcome"], said["where"], number)
            if chunk:
                continue
            if child.poll() is not None:
                if waiting:
                    findings.add("crash", f"signal {-child.returncode}", number)
                elif child.returncode:
                    sys.exit((arguments.keep / "stderr").read_text())
                return number + 1
            if waiting and time.monotonic() - since > arguments.patience:
                child.kill()
                findings.add("hang", f"{arguments.patience} s", number)
                return number + 1
            time.sleep(0.002)
        child.kill()
        return number + 1


def report(findings: Findings, seconds: float) -> None:
    """Print the figures."""
    total = sum(findings.outcomes.values())
    counts = ", ".join(f"{n} {k}" for k, n in findings.outcomes.most_common())
    print(f"onnx {onnx.__version__}: {total} models in {seconds:.0f} s: {counts}")
    print(f"the slowest took {findings.slowest:.1f} s")
    for (outcome, where), count in findings.kinds.most_common():
        print(f"{count:6d}  {outcome}  {where}")


def main() -> None:
    """Run as the arguments say."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--executions", type=int, default=10**9)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--patience", type=float, default=20.0)
    parser.add_argument("--cases", action="store_true", help="start from onnx's node cases, too")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir(), "fuzz_import"))
    parser.add_argument("--replay", type=Path)
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        work(arguments)
        return
    if arguments.replay:
        wh.load_onnx(arguments.replay.read_bytes())
        return
    begin = time.monotonic()
    findings = fuzz(arguments)
    report(findings, time.monotonic() - begin)
    sys.exit(1 if findings.kinds else 0)


if __name__ == "__main__":
    main()
