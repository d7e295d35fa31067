"""What ``compile`` was told: optimizer, losses and metrics, matched to the model's outputs."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from ..compiler import losses, metrics, naming, op, optimizers, tree
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
            if item not in _CROSSENTROPY:
                losses.get(item)
        self.loss_tracker = metrics.Mean(name="loss")
        self.output_trackers: dict[str, metrics.Mean] = {}
        self._per_output: list[tuple[Any, float]] = []
        self._unweighted_metrics: list[list[metrics.Metric]] = []
        self._weighted_metrics: list[list[metrics.Metric]] = []
        self._names: list[str] = []
        self.labels: dict[metrics.Metric, str] = {}  # what logs call those of `compile`
        self.built = False

    def build(
        self,
        names: Sequence[str],
        y: Sequence[Any],
        y_pred: Sequence[Tensor],
        by_name: bool = False,
    ) -> None:
        """Match losses and metrics to the outputs. Raises ``ArgumentError`` where they do not fit.

        Where outputs are a dict (``by_name``) and losses, too, the trackers have the order of the losses.
        """
        if self.built:
            return
        self._names = list(names)
        chosen = _per_output("loss", self._loss, names)
        weights = _per_output("loss_weights", self._weights, names)
        self._per_output = [
            (_loss_object(item, true, pred), 1.0 if weight is None else float(weight))
            for item, weight, true, pred in zip(chosen, weights, y, y_pred, strict=True)
        ]
        with_loss = [n for n, item in zip(names, chosen, strict=True) if item is not None]
        if by_name and isinstance(self._loss, Mapping):
            with_loss.sort(key=[*self._loss].index)
        if len(with_loss) > 1:
            self.output_trackers = {n: metrics.Mean(name=f"{n}_loss") for n in with_loss}
        self._unweighted_metrics = self._metrics_of("metrics", self._metric, y, y_pred)
        self._weighted_metrics = self._metrics_of(
            "weighted_metrics", self._weighted, y, y_pred, "weighted_"
        )
        self.built = True

    def _metrics_of(
        self, what: str, wanted: Any, y: Sequence[Any], y_pred: Sequence[Tensor], prefix: str = ""
    ) -> list[list[metrics.Metric]]:
        """The metrics of each output, labelled: ``prefix`` is for names that are taken already."""
        found = []
        for i, row in enumerate(_metrics_per_output(what, wanted, self._names)):
            found.append([_metric_object(m, y[i], y_pred[i]) for m in row])
            for given, metric in zip(row, found[-1], strict=True):
                output = f"{self._names[i]}_" if self.several else ""
                label = self.labels[metric] = self._free(output, metric.name, prefix)
                if metric is not given:
                    metric.name = label
                if not metric.built:
                    metric.build(y_pred[i].shape)
        return found

    def _free(self, output: str, name: str, prefix: str) -> str:
        """A label that no other metric has: ``name``, ``weighted_name``, ``name_1`` ..."""
        taken = set(self.labels.values())
        if f"{output}{name}" in taken:
            name = f"{prefix}{name}"
        numbered = (f"{output}{name}_{i}" if i else f"{output}{name}" for i in itertools.count())
        return next(label for label in numbered if label not in taken)

    @property
    def single_loss(self) -> Any:
        """The loss of the only output; None where there are several, or data must decide ("ce")."""
        if self.built:
            return self._per_output[0][0] if len(self._per_output) == 1 else None
        unknown = isinstance(self._loss, (Mapping, list, tuple)) or self._loss in _CROSSENTROPY
        return None if unknown else losses.get(self._loss)

    def matched(self, names: Sequence[str], y: list[Any]) -> list[Any]:
        """A target per output: outputs without a loss need none in a list of targets."""
        chosen = _per_output("loss", self._loss, names)
        if len(y) == len(names) or len(y) != sum(item is not None for item in chosen):
            return y or [None] * len(names)
        feed = iter(y)
        return [None if item is None else next(feed) for item in chosen]

    @property
    def several(self) -> bool:
        """Whether there are several outputs."""
        return len(self._names) > 1

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


def _metrics_per_output(what: str, given: Any, names: Sequence[str]) -> list[list[Any]]:
    """Metrics of each output: for several, a list has an entry (a metric or a list) for each."""
    if given is None or given == []:
        return [[] for _ in names]
    if len(names) == 1 and not isinstance(given, Mapping):
        return [tree.leaves(given)]
    if not isinstance(given, (Mapping, list, tuple)) or (
        not isinstance(given, Mapping) and len(given) != len(names)
    ):
        raise ArgumentError(
            f"{what}={given!r} does not say which output is meant: expected a dict by output, or a "
            f"list with one entry (a metric, a list or None) for each of {list(names)}"
        )
    rows = _per_output(what, given, names)
    return [list(r) if isinstance(r, (list, tuple)) else [r] if r is not None else [] for r in rows]


def _loss_object(item: Any, y: Tensor | None, pred: Tensor) -> Any:
    if isinstance(item, str) and item in _CROSSENTROPY:
        if y is None:
            raise ArgumentError(f"the loss {item!r} needs targets: give y")
        kind = type(metrics.resolve_accuracy(item, y.shape, pred.shape))
        item = getattr(losses, kind.__name__)()
    found = losses.get(item)
    if found is None or isinstance(found, losses.Loss):
        return found
    return losses.LossFunctionWrapper(found, name=getattr(found, "__name__", "loss"))


def _metric_object(item: Any, y: Tensor | None, pred: Tensor) -> metrics.Metric:
    if isinstance(item, metrics.Metric):
        return item
    if item in (*_ACCURACY, *_CROSSENTROPY):
        if y is None:
            raise ArgumentError(f"the metric {item!r} needs targets: give y")
        return metrics.resolve_accuracy(item, y.shape, pred.shape, item)
    found = metrics.get(item)
    if isinstance(found, metrics.Metric):
        found.name = item if isinstance(item, str) else found.name
        return found
    name = (
        item if isinstance(item, str) else naming.snake_case(getattr(found, "__name__", "metric"))
    )
    return metrics.MeanMetricWrapper(found, name=name)


def summed(parts: Sequence[Tensor]) -> Tensor:
    """The sum of scalars."""
    total = parts[0]
    for part in parts[1:]:
        total = apply("Add", total, part)
    return total
