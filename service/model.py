"""One version of one model: a session, and what its file says about it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..runtime import session
from ..runtime.device import Device
from . import datatypes
from .errors import ModelError, RequestError

Array = np.ndarray[Any, Any]
KINDS = ("logits", "probabilities", "scores")


@dataclass(frozen=True)
class TensorInfo:
    """Name, protocol datatype and shape (-1: any size) of an input or output."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.datatype} of shape {list(self.shape)}"


class Answer(NamedTuple):
    """The best classes of one instance, best first."""

    indices: list[int]
    scores: list[float]


class ServedModel:
    """A loaded model. Thread-safe: ONNX Runtime sessions are."""

    def __init__(self, name: str, version: str, path: Path, device: Device, threads: int) -> None:
        self.name, self.version = name, version
        self._session = session.create(path, device=device, threads=threads, spinning=False)
        self.inputs = {i.name: _info(i) for i in self._session.get_inputs()}
        self.outputs = {o.name: _info(o) for o in self._session.get_outputs()}
        self.metadata: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map
        self.labels = self._labels()
        self._kinds = self._output_kinds()
        # an exporter that says what outputs mean says which one classifies: the first it names
        self._classes = next(
            (o for o in self.outputs if o in self._kinds), next(iter(self.outputs))
        )

    def _labels(self) -> list[str]:
        text = self.metadata.get("waterhorse.labels")
        if text is None:
            return []
        found = _json(self.name, "waterhorse.labels", text)
        if not isinstance(found, list) or not all(isinstance(x, str) for x in found):
            raise ModelError(f"model {self.name!r}: waterhorse.labels is no list of strings")
        return found

    def _output_kinds(self) -> dict[str, str]:
        text = self.metadata.get("waterhorse.outputs")
        found = _json(self.name, "waterhorse.outputs", text) if text is not None else {}
        if not isinstance(found, dict):
            raise ModelError(f"model {self.name!r}: waterhorse.outputs is no object")
        kinds = {str(k): str(v.get("kind")) for k, v in found.items() if isinstance(v, dict)}
        for name, kind in kinds.items():
            if kind not in KINDS:
                raise ModelError(
                    f"model {self.name!r}: waterhorse.outputs says that {name!r} is {kind!r}; "
                    f"expected one of {', '.join(KINDS)}"
                )
        return kinds

    def label(self, index: int) -> str:
        """The label of a class; its number where the model has none."""
        return self.labels[index] if index < len(self.labels) else str(index)

    # -- running --------------------------------------------------------------------------

    def check(self, feeds: Mapping[str, Array]) -> None:
        """Raise ``RequestError`` unless these are the model's inputs, in type and shape."""
        unknown = sorted(set(feeds) - set(self.inputs))
        if unknown:
            raise RequestError(
                f"unexpected input {unknown[0]!r} for model {self.name!r}; it takes "
                f"{sorted(self.inputs)}"
            )
        missing = sorted(set(self.inputs) - set(feeds))
        if missing:
            raise RequestError(f"input {missing[0]!r} of model {self.name!r} is missing")
        for name, array in feeds.items():
            info = self.inputs[name]
            datatype = datatypes.from_numpy(array.dtype.newbyteorder("="))
            if datatype != info.datatype or not _fits(array.shape, info.shape):
                raise RequestError(
                    f"input {name!r} of model {self.name!r} is {info}; got {datatype} of shape "
                    f"{list(array.shape)}"
                )

    def run(self, feeds: Mapping[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """Run on checked inputs; ``outputs`` names those that are wanted (none: all)."""
        unknown = sorted(set(outputs) - set(self.outputs))
        if unknown:
            raise RequestError(
                f"unexpected output {unknown[0]!r} for model {self.name!r}; it gives "
                f"{sorted(self.outputs)}"
            )
        self.check(feeds)
        return self._run(feeds, list(outputs) or list(self.outputs))

    def _run(self, feeds: Mapping[str, Array], names: list[str]) -> dict[str, Array]:
        try:
            found = self._session.run(names, dict(feeds))
        except Exception as error:  # onnxruntime's exceptions share no base but this
            reason = str(error).rsplit("Status Message: ", 1)[-1].splitlines()[0]
            raise ModelError(f"model {self.name!r} failed on this input: {reason}") from error
        return dict(zip(names, found, strict=True))

    # -- classification -------------------------------------------------------------------

    def classify(self, instances: Array, top_k: int) -> list[Answer]:
        """The ``top_k`` best classes of each instance."""
        if len(self.inputs) != 1:
            raise RequestError(
                f"model {self.name!r} has inputs {sorted(self.inputs)}; Classify works with models "
                "of one input: use ModelInfer"
            )
        info = next(iter(self.inputs.values()))
        if not instances.ndim or instances.ndim + 1 == len(info.shape):
            raise RequestError(
                f"instances have shape {list(instances.shape)}; model {self.name!r} takes a batch of "
                f"shape {list(info.shape)}: put the number of instances first"
            )
        feeds = {info.name: _as_wanted(self.name, info, instances)}
        self.check(feeds)
        self._check_classes()
        scores = self._run(feeds, [self._classes])[self._classes]
        if scores.ndim != 2 or len(scores) != len(instances) or not scores.shape[1]:
            raise RequestError(
                f"model {self.name!r} is no classifier: its output {self._classes!r} came in shape "
                f"{list(scores.shape)} for {len(instances)} instances; expected [instances, classes]"
            )
        scores = probabilities(scores, self._kinds.get(self._classes, "scores"))
        if np.isnan(scores).any():
            bad = int(np.isnan(scores).any(axis=1).argmax())
            raise ModelError(
                f"model {self.name!r} gave NaN for instance {bad}: look for NaN, infinite or "
                "far too large numbers in what was sent"
            )
        return ranked(scores, top_k)

    def _check_classes(self) -> None:
        info = self.outputs[self._classes]
        if len(info.shape) not in (0, 2) or not info.datatype.startswith("FP"):
            raise RequestError(
                f"model {self.name!r} is no classifier: its output {info.name!r} is {info}; expected "
                "floating point [instances, classes]. Use ModelInfer"
            )


def _json(model: str, key: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ModelError(f"model {model!r}: the metadata {key!r} is no JSON") from error


def _info(node: Any) -> TensorInfo:
    shape = tuple(d if isinstance(d, int) else -1 for d in node.shape)
    return TensorInfo(node.name, datatypes.from_runtime(node.type), shape)


def _fits(shape: Sequence[int], wanted: Sequence[int]) -> bool:
    return len(shape) == len(wanted) and all(
        w in (-1, d) for d, w in zip(shape, wanted, strict=True)
    )


def _as_wanted(model: str, info: TensorInfo, array: Array) -> Array:
    """Numbers in the model's own type; floats for an input of integers are refused."""
    wanted = datatypes.to_numpy(info.datatype)
    if array.dtype == wanted:
        return array
    if array.dtype.kind not in "fiub" or not np.can_cast(array.dtype, wanted, "same_kind"):
        raise RequestError(
            f"instances are {datatypes.from_numpy(array.dtype)}; model {model!r} takes {info.datatype}"
        )
    with np.errstate(over="ignore"):
        converted = array.astype(wanted)
    if wanted.kind in "iu":
        fits = np.array_equal(converted, array)
    else:
        fits = bool(np.isfinite(converted).sum() == np.isfinite(array).sum())
    if not fits:
        raise RequestError(f"instances have numbers beyond {info.datatype}, which {model!r} takes")
    return converted


def probabilities(scores: Array, kind: str) -> Array:
    """Softmax of logits; probabilities and plain scores as they are."""
    if kind != "logits":
        return scores
    wide = scores.astype(np.float64)  # half precision would not sum to 1
    with np.errstate(invalid="ignore"):  # inf - inf is NaN, which the caller reports
        powers = np.exp(wide - wide.max(axis=1, keepdims=True))
        result: Array = powers / powers.sum(axis=1, keepdims=True)
    return result


def ranked(scores: Array, top_k: int) -> list[Answer]:
    """The best ``top_k`` of each row; of equal scores the lower index comes first."""
    count = min(max(top_k, 1), scores.shape[1])
    order = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    best = np.take_along_axis(scores, order, axis=1)
    return [Answer(i, s) for i, s in zip(order.tolist(), best.tolist(), strict=True)]
