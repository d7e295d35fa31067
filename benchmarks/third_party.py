"""Other people's models: whether they load, compute, differentiate, train and come out again.

For each of the fifteen models of ``models.py``, on the inputs of ``model_inputs.py``:

``forward``   the largest difference from the original in ONNX Runtime, relative to the output's largest
              value (limit 1e-4; 2e-3 where the file computes in float16), of the loaded model and of
              the graph that ``wh.differentiate`` writes
``gradient``  the worst of some random directions of all float parameters together, of the inputs, and
              of each parameter alone, against differences of the original (``differences.py``)
``train``     the loss before and after ten steps towards what the model says elsewhere
``export``    the difference between the trained model and its file, in ONNX Runtime and loaded again

    python benchmarks/models.py                       # once: downloads 180 MB
    python benchmarks/third_party.py [--only NAME ...] [--quick] [--json FILE]

``--quick`` leaves out the parameters one by one. Ends with 1 if anything is beyond its limit.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import differences
import model_inputs
import models
import numpy as np
import onnx
from differences import Array, Double, Pair, Single, relative, scattered, session, values_of
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

import waterhorse as wh

STEPS = 10


@dataclass(frozen=True)
class Limits:
    """What is accepted. Gradients: of all parameters together, and of one alone."""

    forward: float = 1e-4
    gradient: float = 1e-3
    single: float = 1e-3
    export: float = 1e-4


PLAIN = Limits()
LIMITS = {
    "slovorez": Limits(
        forward=2e-3, gradient=3e-2, single=1e-1, export=2e-3
    ),  # computes in float16
    "light_resnet50": Limits(gradient=5e-3, single=1e-1),  # kinks of Relu, differences in float32
    "eeg_spindle_unet1d": Limits(single=1e-2),  # differences in float32
    "ppocr_v4_rec": Limits(single=1e-1),  # as light_resnet50, of Relu, Clip and HardSigmoid
    "paraphrase_minilm_l3": Limits(single=1e-2),
}
# A Squeeze without axes makes the rank of the output depend on the batch, which must be said to be 1.
SIZES = {"aecmos_gru": {"input": (1,)}}
# Too large to move each parameter alone in float64.
LARGE = {"light_resnet50", "eeg_spindle_unet1d", "ppocr_v4_rec", "paraphrase_minilm_l3"}
RATE = 2e-5
RATES = {"ppocr_v4_rec": 2e-6}  # of Adam


@dataclass
class Row:
    """What was found out about one model; ``failures`` are sentences."""

    name: str
    nodes: int = 0
    trainable: int = 0
    frozen: int = 0
    forward: float | None = None
    gradient_nodes: int = 0
    gradients: int = 0
    zero: list[str] = field(default_factory=list)
    gradient: float | None = None
    single: float | None = None
    worst: str = ""
    before: float | None = None
    after: float | None = None
    export: float | None = None
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)


class Model:
    """One model: its file, inputs for it, and what the original makes of them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.path = models.fetch(name)
        self.proto = onnx.load(self.path)
        for value in self.proto.graph.input:
            dims = value.type.tensor_type.shape.dim
            for dim, size in zip(dims, SIZES.get(name, {}).get(value.name, ()), strict=False):
                dim.dim_value = size
        self.feeds = model_inputs.feeds(name)
        self.limits = LIMITS.get(name, PLAIN)
        self.names = [o.name for o in self.proto.graph.output]
        self.expected = session(self.proto).run(self.names, self.feeds)


def called(net: wh.Model, feeds: dict[str, Array]) -> list[Any]:
    """The outputs of a loaded model, in the order of the file."""
    found = net(arguments(feeds))
    if isinstance(found, dict):
        return list(found.values())
    return list(found) if isinstance(found, (list, tuple)) else [found]


def arguments(feeds: dict[str, Any]) -> Any:
    """Inputs as a loaded model takes them: the only one, or all by name."""
    return next(iter(feeds.values())) if len(feeds) == 1 else feeds


def check_import(model: Model, row: Row) -> wh.Model:
    """Load, count, compare the outputs."""
    row.nodes = len(model.proto.graph.node)
    net = wh.load_onnx(model.proto)
    row.trainable = len(net.trainable_variables)
    row.frozen = len(net.variables) - row.trainable
    found = [np.asarray(y) for y in called(net, model.feeds)]
    row.forward = relative(found, model.expected)
    _limit(row, "the loaded model's outputs", row.forward, model.limits.forward)
    return net


def check_gradients(model: Model, row: Row, *, each: bool) -> None:
    """Write the gradient graph and compare its gradients, and its outputs as well."""
    gradient = wh.differentiate(model.proto)
    row.gradient_nodes = len(gradient.graph.node)
    pair = Pair(model.proto, gradient, model.feeds, Single if model.name in LARGE else Double)
    row.gradients = len(pair.parameters)
    found = pair.check(each=each)
    row.zero = found.zero
    missing = expected_parameters(model.proto) - {*pair.parameters, *pair.inputs}
    if missing:
        row.failures.append(f"no gradient of {', '.join(sorted(missing)[:5])} ({len(missing)})")
    together = [n for n in found.errors if n.startswith("all/") or n == "inputs"]
    row.gradient = found.worst(together)
    alone = [n for n in found.errors if n not in together]
    row.single = found.worst(alone)
    row.worst = max(alone, key=lambda n: found.errors[n], default="")
    _limit(row, "the gradient of all parameters", row.gradient, model.limits.gradient)
    _limit(row, f"the gradient of {row.worst}", row.single, model.limits.single)
    apart = relative(pair.gradient_outputs(model.names), model.expected)
    row.forward = max(row.forward or 0.0, apart)
    _limit(row, "the gradient graph's outputs", apart, model.limits.forward)


def expected_parameters(proto: onnx.ModelProto) -> set[str]:
    """Float initializers that are used as floats by nodes whose outputs are not all integers."""
    initializers = {t.name for t in proto.graph.initializer if t.data_type in differences.FLOATS}
    return initializers & {i for n in proto.graph.node for i in n.input}


def check_training(model: Model, row: Row, net: wh.Model) -> None:
    """Ten steps of Adam on one batch, towards what it says, mixed with what it says elsewhere."""
    rng = np.random.default_rng(1)
    floats = [i for i, y in enumerate(model.expected) if y.dtype.kind == "f"]
    targets = [_target(model.expected[i], rng) for i in floats]
    values = scattered(values_of(model.proto), rng)
    for variable in net.variables:
        if model.name == "light_resnet50" and variable.name in values:
            variable.assign(values[variable.name])
    optimizer = wh.optimizers.Adam(RATES.get(model.name, RATE))

    def loss_of(feeds: dict[str, Any], goals: list[Any]) -> wh.Tensor:
        found = called(net, feeds)
        parts = [
            wh.ops.mean(wh.ops.square(wh.ops.cast(found[i], "float32") - goal)) / _size(y) ** 2
            for i, goal, y in zip(floats, goals, targets, strict=True)
        ]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total

    @wh.function
    def step(feeds: dict[str, Any], goals: list[Any]) -> wh.Tensor:
        loss = loss_of(feeds, goals)
        optimizer.apply(wh.grad(loss, net.trainable_variables), net.trainable_variables)
        return loss

    losses = [float(step(model.feeds, targets)) for _ in range(STEPS)]
    row.before, row.after = losses[0], float(wh.function(loss_of)(model.feeds, targets))
    if not (np.isfinite(row.after) and row.after < row.before):
        row.failures.append(
            f"{STEPS} steps moved the loss from {row.before:.4g} to {row.after:.4g}"
        )


def _size(y: Array) -> float:
    """The outputs' own deviation, or how large they are where there is only one."""
    return float(np.std(y.astype(np.float64))) or float(np.abs(y).max()) or 1.0


def _target(y: Array, rng: np.random.Generator) -> Array:
    """Half way from ``y`` to what it says elsewhere: one row on, so that probabilities stay such."""
    axis = y.ndim - 2 if y.ndim > 1 and y.shape[-2] > 1 else y.ndim - 1
    if y.shape[axis] == 1:
        return (y + rng.normal(size=y.shape) * _size(y) * 0.5).astype(np.float32)
    return (0.5 * (y + np.roll(y, 1, axis))).astype(np.float32)


def check_export(model: Model, row: Row, net: wh.Model) -> None:
    """The trained model against its file, run by ONNX Runtime and loaded again."""
    expected = [np.asarray(y) for y in called(net, model.feeds)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "exported.onnx"
        net.export(path)
        exported = onnx.load(path)
        onnx.checker.check_model(exported, full_check=True)
        names = [o.name for o in exported.graph.output]
        if names != model.names:
            row.failures.append(f"outputs are called {names} in the exported file")
        found = session(exported).run(None, model.feeds)
        again = [np.asarray(y) for y in called(wh.load_onnx(path), model.feeds)]
    row.export = max(relative(found, expected), relative(again, expected))
    _limit(row, "the exported file's outputs", row.export, model.limits.export)


def _limit(row: Row, what: str, found: float, limit: float) -> None:
    if not found <= limit:
        row.failures.append(f"{what}: {found:.2g}, limit {limit:g}")


def examine(name: str, *, each: bool = True) -> Row:
    """Everything about one model. What goes wrong is in ``failures``, not raised."""
    row, started = Row(name), time.perf_counter()
    wh.utils.clear_session()
    wh.set_random_seed(0)
    model = Model(name)
    loaded: list[wh.Model] = []
    parts: list[tuple[str, Callable[[], Any]]] = [
        ("import", lambda: loaded.append(check_import(model, row))),
        ("differentiate", lambda: check_gradients(model, row, each=each)),
        ("train", lambda: check_training(model, row, loaded[0])),
        ("export", lambda: check_export(model, row, loaded[0])),
    ]
    for what, part in parts:
        if what in {"train", "export"} and not loaded:
            continue
        try:
            part()
        except Exception as error:  # anything may go wrong in a benchmark; the table goes on
            row.failures.append(f"{what}: {type(error).__name__}: {error}")
            if "-v" in sys.argv:
                traceback.print_exc()
    row.seconds = time.perf_counter() - started
    return row


def table(rows: list[Row]) -> Table:
    """The rows for people."""
    result = Table(title="Third-party ONNX models")
    for column in ("model", "nodes", "trainable", "forward", "gradient", "each alone", "grad nodes",
                   "loss", "export", "s", ""):  # fmt: skip
        result.add_column(column, justify="left" if column in {"model", ""} else "right")
    for row in rows:
        trained = "-" if row.before is None else f"{row.before:.4g} → {row.after:.4g}"
        cells = [
            row.name, str(row.nodes), f"{row.trainable}+{row.frozen}", _number(row.forward),
            _number(row.gradient), _number(row.single), str(row.gradient_nodes), trained,
            _number(row.export), f"{row.seconds:.0f}", "[green]ok" if not row.failures else "[red]failed",
        ]  # fmt: skip
        result.add_row(*cells)
    return result


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1e}"


def main() -> int:
    """Examine the models and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=models.SOURCES, default=list(models.SOURCES))
    parser.add_argument("--quick", action="store_true", help="no parameters one by one")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("-v", action="store_true", help="print where errors come from")
    options = parser.parse_args()
    rows = []
    with Progress(transient=True) as progress:
        task = progress.add_task("", total=len(options.only))
        for name in options.only:
            progress.update(task, description=name)
            rows.append(examine(name, each=not options.quick))
            progress.console.print(f"{name}: {rows[-1].seconds:.0f} s")
            progress.advance(task)
            if options.json:
                options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    console = Console(width=max(Console().width, 130))
    console.print(table(rows))
    for row in rows:
        for failure in row.failures:
            console.print(f"{row.name}: {failure}", markup=False, highlight=False)
    return int(any(row.failures for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
