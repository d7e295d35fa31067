"""Keras' functional and sequential models, made again by applying their layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...compiler import config, functional, tree
from ...compiler.dtypes import FLOAT32, TensorType
from ...compiler.ir import Tensor, argument
from ...compiler.layers.base import Layer
from ...compiler.network import Network
from ...compiler.state import Trace, tracing
from ...errors import FileFormatError
from .configuration import Reader, explained
from .operations import is_operation, operation
from .places import Numbering

Calls = dict[str, list[list[Tensor]]]
Pending = list[tuple[str, Callable[..., Any], list[Any]]]


def is_graph(cls: type, settings: Mapping[str, Any]) -> bool:
    """Whether a configuration is that of a functional or sequential model."""
    return issubclass(cls, Network) and isinstance(settings.get("layers"), list)


def model(reader: Reader, cls: Any, settings: Mapping[str, Any], path: str | None) -> Any:
    """The model, with the places of its layers noted. Raises ``FileFormatError`` for a broken graph."""
    below = "layers" if not path else f"{path}/layers"
    if "input_layers" not in settings:
        made = _sequential(reader, cls, settings, below)
    else:
        made = _functional(reader, cls, settings, below)
    if settings.get("trainable") is False:
        made.trainable = False
    return made


# -- sequential ------------------------------------------------------------------------------------


def _sequential(reader: Reader, cls: Any, settings: Mapping[str, Any], below: str) -> Any:
    made = cls(name=settings.get("name"))
    if settings.get("dtype") is not None:
        policy = reader.value(settings["dtype"], "dtype_policy")
        made.dtype_policy = policy if not isinstance(policy, str) else made.dtype_policy
    number = Numbering()
    placed = []
    for entry in settings["layers"]:
        if entry.get("class_name") == "InputLayer":
            made.add(_start(entry["config"]))
            continue
        name = number(reader.name_of(entry))
        layer = reader.instance(entry, "layer", f"{below}/{name}")
        with explained(f"{reader.label}: layer {layer.name!r}"):
            made.add(layer)
        placed.append((name, layer))
    reader.places.note(made, placed)
    shape = settings.get("build_input_shape")
    if shape is not None and not made.built:
        with explained(f"{reader.label}: model {made.name!r}"):
            made.build(tuple(shape))
    return made


def _start(settings: Mapping[str, Any]) -> Tensor:
    shape = settings.get("batch_shape", settings.get("batch_input_shape"))
    dtype = settings.get("dtype")
    if isinstance(dtype, Mapping):
        dtype = dtype["config"]["name"]
    return functional.Input(
        batch_shape=tuple(shape), dtype=dtype, name=settings.get("name"),
        sparse=settings.get("sparse") or None, ragged=settings.get("ragged") or None,
        optional=bool(settings.get("optional", False)),
    )  # fmt: skip


# -- functional ------------------------------------------------------------------------------------


def _functional(reader: Reader, cls: Any, settings: Mapping[str, Any], below: str) -> Any:
    calls: Calls = {}
    pending: Pending = []
    number = Numbering()
    placed = []
    nested = set()
    for entry in settings["layers"]:
        name = str(entry.get("name", entry["config"].get("name")))
        if is_operation(entry):
            function = operation(entry, reader.value)
        elif entry["class_name"] == "InputLayer":
            number("InputLayer")
            start = _start(entry["config"])
            calls[name] = [[start]]
            continue
        else:
            place = number(reader.name_of(entry))
            function = reader.instance(entry, "layer", f"{below}/{place}")
            placed.append((place, function))
            if isinstance(function, Network) and function.is_functional:
                nested.add(name)
        if name in calls:
            raise FileFormatError(f"{reader.label}: two layers are named {name!r}")
        calls[name] = []
        pending.append((name, function, list(entry["inbound_nodes"])))
    _apply(reader, pending, calls)
    found = [
        _ends(settings[k], calls, nested, reader.label) for k in ("input_layers", "output_layers")
    ]
    made = cls(*found, name=settings.get("name"))
    reader.places.note(made, placed)
    return made


def _apply(reader: Reader, pending: Pending, calls: Calls) -> None:
    """Call the layers in an order in which there is always what they are applied to."""
    while any(nodes for *_, nodes in pending):
        progress = False
        for name, function, nodes in pending:
            while nodes and _ready(nodes[0], calls):
                progress = True
                with explained(f"{reader.label}: layer {name!r}"):
                    args, kwargs = _arguments(nodes.pop(0), calls, reader)
                    result = function(*args, **_kept(function, kwargs))
                calls[name].append(tree.leaves(result))
        if not progress:
            stuck = [name for name, _, nodes in pending if nodes]
            raise FileFormatError(
                f"{reader.label}: layer {stuck[0]!r} is applied to tensors that the model does not have, "
                "or to its own output"
            )


def _kept(function: Callable[..., Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Keras overrides a stored ``training`` with that of the model's call; masks of None say nothing."""
    if not isinstance(function, Layer):
        return kwargs
    return {
        k: v for k, v in kwargs.items() if k != "training" and not (k == "mask" and v is None)
    }  # fmt: skip


def _references(data: Any) -> list[Sequence[Any]]:
    """The tensors that a node refers to: ``[layer, call, output]``."""
    if isinstance(data, Mapping):
        if data.get("class_name") == "__keras_tensor__":
            return [data["config"]["keras_history"]]
        return [r for v in data.values() for r in _references(v)]
    if isinstance(data, list):
        if _is_old(data):
            return [data[:3], *_references(data[3] if len(data) > 3 else [])]
        return [r for v in data for r in _references(v)]
    return []


def _is_old(data: Any) -> bool:
    """Whether this is Keras 2's ``[layer, call, output]`` or the same with keyword arguments."""
    if not isinstance(data, list) or len(data) not in (3, 4) or not isinstance(data[0], str):
        return False
    numbers = all(isinstance(n, int) and not isinstance(n, bool) for n in data[1:3])
    return numbers and (len(data) == 3 or isinstance(data[3], Mapping))


def _ready(node: Any, calls: Calls) -> bool:
    return all(_tensor(r, calls) is not None for r in _references(node))


def _tensor(reference: Sequence[Any], calls: Calls) -> Tensor | None:
    name, call, output = reference
    made = calls.get(name, [])
    if not 0 <= call < len(made) or not 0 <= output < len(made[call]):
        return None
    return made[call][output]


def _arguments(node: Any, calls: Calls, reader: Reader) -> tuple[list[Any], dict[str, Any]]:
    if isinstance(node, list):  # Keras 2: [[layer, call, output, kwargs], ...]
        tensors = [_tensor(item[:3], calls) for item in node if _is_old(item)]
        options = dict(node[0][3]) if node and len(node[0]) > 3 else {}
        kwargs = {k: _argument(v, calls, reader) for k, v in options.items()}
        return [tensors[0] if len(tensors) == 1 else tensors], kwargs
    args = [_argument(a, calls, reader) for a in node["args"]]
    return args, {k: _argument(v, calls, reader) for k, v in node["kwargs"].items()}


def _argument(data: Any, calls: Calls, reader: Reader) -> Any:
    if isinstance(data, Mapping) and data.get("class_name") == "__keras_tensor__":
        return _tensor(data["config"]["keras_history"], calls)
    if _is_old(data):
        return _tensor(data[:3], calls)
    if isinstance(data, list):
        return [_argument(v, calls, reader) for v in data]
    if isinstance(data, Mapping) and "class_name" not in data:
        return {k: _argument(v, calls, reader) for k, v in data.items()}
    return reader.value(data)


def _ends(data: Any, calls: Calls, nested: set[str], label: str) -> Any:
    """Inputs or outputs, nested as in the file. Keras counts calls of nested models from 1 here."""
    if _is_old(data):
        name, call, output = data
        found = _tensor((name, call - (name in nested), output), calls)
        if found is None:
            raise FileFormatError(f"{label}: there is no tensor {data}")
        return found
    if isinstance(data, Mapping):
        return {k: _ends(v, calls, nested, label) for k, v in data.items()}
    if isinstance(data, list):
        return [_ends(v, calls, nested, label) for v in data]
    raise FileFormatError(f"{label}: an input or output is {data!r}")


# -- layers that are built by their own call -------------------------------------------------------


def build(layer: Layer, saved: Any) -> None:
    """Make the variables of a model of your own, from the shapes that Keras noted."""
    if not isinstance(saved, Mapping):
        return
    method = getattr(type(layer), "build_from_config", None)
    if method is not None and not method.__module__.startswith(f"{config.OWN}."):
        method(layer, dict(saved))  # the user's own
        return
    if not isinstance(layer, Network):
        return  # built where it is called
    shapes = saved.get("shapes_dict", {"input": saved.get("input_shape")})
    symbols = {k.removesuffix("_shape"): _symbols(s) for k, s in shapes.items() if s is not None}
    if not symbols:
        return
    first, *others = symbols.items()
    with tracing(Trace()):
        layer(first[1], **dict(others))


def _symbols(saved: Any) -> Any:
    if isinstance(saved, Mapping):
        return {k: _symbols(v) for k, v in saved.items()}
    if any(isinstance(d, (list, Mapping)) for d in saved):
        return [_symbols(v) for v in saved]
    dims = tuple(
        d if d is not None else "batch" if i == 0 else f"dim_{i}" for i, d in enumerate(saved)
    )
    return argument("input", TensorType(FLOAT32, dims))
