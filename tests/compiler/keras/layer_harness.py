"""What every layer must hold, case by case: Keras' values and gradients, configuration, files, export.

``tests/goldens/layers`` has the cases and what Keras gave; a test module is
``globals().update(suite("recurrent"))``.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

import waterhorse as wh
from waterhorse.compiler import config as configuration
from waterhorse.compiler import tree
from waterhorse.compiler.ir import convert

from .goldens import FOLDER, load
from .goldens import Case as Golden


def _cases_module() -> Any:
    """``tests/goldens/layers`` as a package: tests are not importable by name here."""
    name = "layer_cases"
    if name not in sys.modules:
        folder = FOLDER / "layers"
        spec = importlib.util.spec_from_file_location(
            name, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return importlib.import_module(f"{name}.cases")


def agrees(found: Any, wanted: Any, case: Any, what: str) -> None:
    """Equal up to the case's tolerance, relative to each element or (near 0) to the largest one."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.shape == wanted.shape, what
    if found.dtype.kind != "f":
        np.testing.assert_array_equal(found, wanted, what)
        return
    largest = np.abs(wanted).max(initial=0.0)
    np.testing.assert_allclose(
        found, wanted, rtol=case.rtol, atol=max(case.rtol * largest, case.atol), err_msg=what
    )


def specs(case: Any, arrays: list[Any]) -> list[wh.TensorSpec]:
    """Types with a dynamic batch and the case's dynamic axes."""
    if case.config.get("stateful") or case.model == "static batch":
        return [wh.TensorSpec(a.shape, a.dtype) for a in arrays]
    axes = (0, *case.dynamic)
    return [
        wh.TensorSpec([_dim(i, axes, d) for i, d in enumerate(a.shape)], a.dtype) for a in arrays
    ]


def _dim(axis: int, axes: tuple[int, ...], size: int) -> Any:
    return ("batch" if axis == 0 else f"length_{axis}_of_{size}") if axis in axes else size


def apply(case: Any, layer: Any, tensors: list[Any], **more: Any) -> list[Any]:
    """The layer's outputs, flat. ``tensors`` are inputs, tensor options, then masks."""
    count = len(case.inputs)
    inputs, rest = list(tensors[:count]), iter(tensors[count:])
    options = {k: next(rest) if isinstance(v, np.ndarray) else v for k, v in case.options().items()}
    for i in case.masks:
        inputs[i] = convert(inputs[i]).with_mask(convert(next(rest)))
    args = [inputs] if case.form == "list" else inputs
    return tree.leaves(layer(*args, **options, **more))


def all_arrays(case: Any) -> list[Any]:
    tensors = [v for v in case.options().values() if isinstance(v, np.ndarray)]
    return [*case.arrays(), *tensors, *case.mask_arrays().values()]


def built(case: Any) -> Any:
    """The layer, built, with the case's weights."""
    layer = case.made(wh.layers)
    apply(case, layer, all_arrays(case), training=case.training)
    for i, w in enumerate(layer.weights):
        w.assign(case.weight(i, w.path, w.shape))
    if case.config.get("stateful"):
        layer.reset_state()
    return layer


def check_values(case: Any, golden: Golden) -> None:
    layer = built(case)
    assert [[w.name, list(w.shape), w.trainable] for w in layer.weights] == golden.facts["weights"]
    arrays = all_arrays(case)
    if not case.training:
        for i, y in enumerate(apply(case, layer, arrays, training=False)):
            agrees(y, golden[f"output_{i}"], case, f"eager output {i}")
            if golden.has(f"mask_{i}"):
                agrees(y.mask, golden[f"mask_{i}"], case, f"mask {i}")
            else:
                assert y.mask is None, f"output {i} has a mask"
        if case.config.get("stateful"):
            layer.reset_state()

    @wh.function(input_signature=specs(case, arrays))
    def step(*tensors: Any) -> Any:
        outputs = apply(case, layer, list(tensors), training=case.training)
        losses = sum(layer.losses) if layer.losses else None
        if not case.gradients:
            return outputs, [], [], losses
        total = sum(
            wh.ops.sum(y * case.cotangent(i, golden[f"output_{i}"].shape))
            for i, y in enumerate(outputs)
            if y.dtype == "float32"
        )
        floats = [t for t in tensors[: len(case.inputs)] if t.dtype == "float32"]
        found = wh.grad(total, [*floats, *layer.trainable_weights])
        return outputs, found[: len(floats)], found[len(floats) :], losses

    outputs, input_grads, weight_grads, losses = step(*arrays)
    for i, y in enumerate(outputs):
        agrees(y, golden[f"output_{i}"], case, f"output {i}")
    numbers = [i for i, a in enumerate(case.arrays()) if a.dtype == np.float32]
    for i, g in zip(numbers, input_grads, strict=bool(case.gradients)):
        agrees(g, golden[f"grad_input_{i}"], case, f"gradient of input {i}")
    for i, g in enumerate(weight_grads):
        agrees(
            g, golden[f"grad_weight_{i}"], case, f"gradient of {layer.trainable_weights[i].path}"
        )
    for i, w in enumerate(layer.weights):
        if golden.has(f"after_{i}"):
            agrees(w.numpy(), golden[f"after_{i}"], case, f"{w.path} after the call")
    assert (losses is not None) == golden.has("losses")
    if losses is not None:
        agrees(losses, golden["losses"], case, "losses")


def check_configuration(case: Any, golden: Golden) -> None:
    layer = built(case)
    saved = json.loads(json.dumps(configuration.serialize(layer)))
    again = configuration.deserialize(saved)
    assert again.name == layer.name
    if case.training:
        return
    apply(case, again, all_arrays(case), training=False)
    assert len(again.weights) == len(layer.weights)
    again.set_weights(layer.get_weights())
    if case.config.get("stateful"):
        again.reset_state()
    for i, y in enumerate(apply(case, again, all_arrays(case), training=False)):
        agrees(
            y, golden[f"output_{i}"], case, f"output {i} of the layer made from its configuration"
        )


def sized(case: Any, batch: int, length: int | None) -> list[Any]:
    """The case's arrays with another batch and other dynamic sizes."""
    givens = [*case.inputs, *(v for v in case.kwargs.values() if hasattr(v, "make"))]
    masks = list(case.masks.values())
    found = []
    for i, given in enumerate([*givens, *masks]):
        shape = [
            batch if axis == 0 else length if axis in case.dynamic and length is not None else d
            for axis, d in enumerate(given.shape)
        ]
        found.append(given.make(case.name, i, shape))
    return found


def as_model(case: Any, layer: Any) -> Any:
    """The layer in a functional model; tensor options and masks are inputs, too."""
    starts = [
        wh.Input([None if i in case.dynamic else d for i, d in enumerate(a.shape)][1:], dtype=a.dtype, name=f"in_{n}")
        for n, a in enumerate(all_arrays(case))
    ]  # fmt: skip
    count = len(case.inputs)
    rest = iter(starts[count:])
    options = {k: next(rest) if isinstance(v, np.ndarray) else v for k, v in case.options().items()}
    if case.masks:
        options["mask"] = next(rest)
    args = [starts[:count]] if case.form == "list" else starts[:count]
    return wh.Model(starts, layer(*args, **options))


def check_model(case: Any, tmp_path: Path) -> None:
    model = as_model(case, built(case))
    lengths = (None, *case.lengths)
    wanted = {
        (n, length): tree.leaves(model.predict_on_batch(sized(case, n, length)))
        for n in (1, 2, 7)
        for length in lengths
    }
    model.save(tmp_path / "model.wh")
    again = wh.models.load_model(tmp_path / "model.wh")
    for y, w in zip(
        tree.leaves(again.predict_on_batch(sized(case, 2, None))), wanted[2, None], strict=True
    ):
        np.testing.assert_array_equal(y, w)
    model.export(tmp_path / "model.onnx", example=sized(case, 2, None))
    session = onnxruntime.InferenceSession(
        tmp_path / "model.onnx", providers=["CPUExecutionProvider"]
    )
    names = [i.name for i in session.get_inputs()]
    assert names == [f"in_{i}" for i in range(len(names))]
    for (n, length), expected in wanted.items():
        arrays = sized(case, n, length)
        feed = {f"in_{i}": a for i, a in enumerate(arrays) if f"in_{i}" in names}
        for y, w in zip(session.run(None, feed), expected, strict=True):
            agrees(y, w, case, f"exported, batch {n}, length {length}")


def suite(area: str) -> dict[str, Any]:
    """The tests of one area, for a test module's ``globals()``."""
    cases = _cases_module().cases(area)
    goldens = {g.name: g for g in load(f"layers_{area}")}
    every = pytest.mark.parametrize("case", cases, ids=repr)
    fit = [c for c in cases if not c.model and not c.training and not c.config.get("stateful")]

    def test_goldens_are_of_these_cases() -> None:
        assert sorted(goldens) == sorted(c.name for c in cases)

    @every
    def test_values_and_gradients_equal_keras(case: Any) -> None:
        check_values(case, goldens[case.name])

    @every
    def test_made_again_from_its_configuration(case: Any) -> None:
        check_configuration(case, goldens[case.name])

    @pytest.mark.parametrize("case", fit, ids=repr)
    def test_saved_and_exported(case: Any, tmp_path: Path) -> None:
        check_model(case, tmp_path)

    return {k: v for k, v in locals().items() if k.startswith("test_")}
