"""What ``compile`` was told: optimizer, losses and metrics, matched to the model's outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..compiler import losses, metrics, op, optimizers, tree
from ..compiler.ir import Tensor, apply, constant
from ..compiler.state import Variable
from ..errors import ArgumentError

_ACCURACY = ("accuracy", "acc")
_CROSSENTROPY = ("crossentropy", "ce")


class Compilation:
    """Losses and metrics per output. Names like "accuracy" are resolved when shapes are known."""

    def __init__(
        self, optimizer: Any, loss: Any, loss_weights: Any, metric: Any, weighted: Any
    ) -> None:
        self.optimizer: optimizers.Optimizer = optimizers.get(optimizer)
        self.config = {
            "optimizer": self.optimizer, "loss": loss, "loss_weights": loss_weights,
            "metrics": metric, "weighted_metrics": weighted,
        }  # fmt: skip
        self._loss, self._weights = loss, loss_weights
        self._metric, self._weighted = metric, weighted
        _check_names(metric)
        _check_names(weighted)
        for item in tree.leaves(loss):
            losses.get(item)
        self.loss_tracker = metrics.Mean(name="loss")
        self.output_trackers: dict[str, metrics.Mean] = {}
        self._per_output: list[tuple[Any, float]] = []
        self._unweighted_metrics: list[list[metrics.Metric]] = []
        self._weighted_metrics: list[list[metrics.Metric]] = []
        self._names: list[str] = []
        self.built = False

    def build(self, names: Sequence[str], y: Sequence[Any], y_pred: Sequence[Tensor]) -> None:
        """Match losses and metrics to the outputs. Raises ``ArgumentError`` where they do not fit."""
        if self.built:
            return
        self._names = list(names)
        chosen = _per_output("loss", self._loss, names)
        weights = _per_output("loss_weights", self._weights, names)
        self._per_output = [
            (_loss_object(item), 1.0 if weight is None else float(weight))
            for item, weight in zip(chosen, weights, strict=True)
        ]
        several = len(names) > 1
        if several:
            self.output_trackers = {
                n: metrics.Mean(name=f"{n}_loss")
                for n, (item, _) in zip(names, self._per_output, strict=True)
                if item is not None
            }
        for raw, found in ((self._metric, self._unweighted_metrics),
                           (self._weighted, self._weighted_metrics)):  # fmt: skip
            for i, wanted in enumerate(_metrics_per_output(raw, names)):
                prefix = f"{names[i]}_" if several else ""
                target = y[i] if i < len(y) else None
                found.append([_metric_object(m, target, y_pred[i], prefix) for m in wanted])
                for metric in found[-1]:
                    if not metric.built:
                        metric.build(y_pred[i].shape)
        self.built = True

    @property
    def metrics(self) -> list[metrics.Metric]:
        """All metrics, the loss trackers first."""
        groups = [*self._unweighted_metrics, *self._weighted_metrics]
        own = [m for group in groups for m in group]
        return [self.loss_tracker, *self.output_trackers.values(), *own]

    def loss(
        self, names: Sequence[str], y: Sequence[Any], y_pred: Sequence[Tensor], weight: Any
    ) -> list[Tensor]:
        """The weighted loss of each output that has one."""
        found = []
        if len(y) != len(y_pred) and any(item is not None for item, _ in self._per_output):
            raise ArgumentError(
                f"the model has {len(y_pred)} outputs {list(names)}; y has {len(y)}"
            )
        weights = _per_output("sample_weight", weight, names)
        for name, (item, factor), true, pred, of_output in zip(
            names, self._per_output, y, y_pred, weights, strict=False
        ):
            if item is None:
                continue
            if true is None:
                raise ArgumentError(f"the output {name!r} has a loss, but y has nothing for it")
            value = item(true, pred, sample_weight=of_output)
            if name in self.output_trackers:
                self.output_trackers[name].update_state(value, sample_weight=batch_size_of(pred))
            found.append(value if factor == 1.0 else value * factor)
        return found

    def update(self, y: Sequence[Any], y_pred: Sequence[Tensor], weight: Any) -> None:
        """Let all metrics see a batch."""
        for groups, given in ((self._unweighted_metrics, None), (self._weighted_metrics, weight)):
            weights = _per_output("sample_weight", given, self._names)
            for group, true, pred, w in zip(groups, y, y_pred, weights, strict=False):
                for metric in group:
                    if true is None:
                        raise ArgumentError(
                            f"metric {metric.name!r} needs a target; y has none for it"
                        )
                    metric.update_state(true, pred, sample_weight=w)

    def metric_variables(self) -> list[Variable]:
        return [v for m in self.metrics for v in m.variables]


def batch_size_of(x: Tensor) -> Tensor:
    """The number of examples in ``x`` as a float32 scalar."""
    if isinstance(x.shape[0], int):
        return constant(x.shape[0], "float32")
    size: Tensor = op.Cast(op.Squeeze(op.Shape(x, end=1), [0]), to="float32")
    return size


def _check_names(wanted: Any) -> None:
    """Unknown strings are an error at ``compile``, not in the first step."""
    for item in tree.leaves(wanted):
        if item is not None and item not in (*_ACCURACY, *_CROSSENTROPY):
            metrics.get(item)


def _per_output(what: str, given: Any, names: Sequence[str]) -> list[Any]:
    """One entry per output, from a single value, a list, or a dict by output name."""
    if isinstance(given, Mapping):
        unknown = sorted(set(given) - set(names))
        if unknown:
            raise ArgumentError(
                f"{what}: no output is named {unknown[0]!r}; there are {list(names)}"
            )
        return [given.get(n) for n in names]
    if isinstance(given, (list, tuple)):
        if len(given) != len(names):
            raise ArgumentError(f"{what} has {len(given)} entries for outputs {list(names)}")
        return list(given)
    return [given] * len(names)


def _metrics_per_output(given: Any, names: Sequence[str]) -> list[list[Any]]:
    if given is None:
        return [[] for _ in names]
    nested = isinstance(given, (list, tuple)) and any(isinstance(g, (list, tuple)) for g in given)
    if isinstance(given, Mapping) or nested:
        rows = _per_output("metrics", given, names)
        return [
            list(r) if isinstance(r, (list, tuple)) else [r] if r is not None else [] for r in rows
        ]
    flat = list(given) if isinstance(given, (list, tuple)) else [given]
    return [list(flat) for _ in names]


def _loss_object(item: Any) -> Any:
    found = losses.get(item)
    if found is None or isinstance(found, losses.Loss):
        return found
    return losses.LossFunctionWrapper(found, name=getattr(found, "__name__", "loss"))


def _metric_object(item: Any, y: Tensor | None, pred: Tensor, prefix: str) -> metrics.Metric:
    if isinstance(item, metrics.Metric):
        return item
    if item in (*_ACCURACY, *_CROSSENTROPY):
        if y is None:
            raise ArgumentError(f"the metric {item!r} needs targets")
        return metrics.resolve_accuracy(item, y.shape, pred.shape, f"{prefix}{item}")
    found = metrics.get(item)
    if isinstance(found, metrics.Metric):
        found.name = f"{prefix}{item if isinstance(item, str) else found.name}"
        return found
    name = getattr(found, "__name__", "metric")
    return metrics.MeanMetricWrapper(found, name=f"{prefix}{name}")


def summed(parts: Sequence[Tensor]) -> Tensor:
    """The sum of scalars."""
    total = parts[0]
    for part in parts[1:]:
        total = apply("Add", total, part)
    return total
