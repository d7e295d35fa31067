"""Every layer in a model: saved and loaded, exported, and equal to ``predict`` for other batches and lengths.

Layers with golden cases are tried by their own tests; here are those that draw random numbers, take text, or
are made of other layers, and a count that no layer is left out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

import waterhorse as wh
from waterhorse import layers as L

from .layer_harness import _cases_module

R = np.random.default_rng(5)
WORDS = np.array(["red", "green", "blue", "grey", "Red, green!"], object)


def images(batch: int, length: int) -> Any:
    return R.random((batch, 6, 8, 3)).astype("float32")


def steps(batch: int, length: int) -> Any:
    return R.normal(size=(batch, length, 4)).astype("float32")


def words(batch: int, length: int) -> Any:
    return R.choice(WORDS, (batch, 1))


def numbers(batch: int, length: int) -> Any:
    return R.integers(0, 9, (batch, 3))


# layer, its arguments, data, whether the second axis is dynamic
TRIALS: list[tuple[str, dict[str, Any], Any, bool]] = [
    *(
        (name, options, images, False)
        for name, options in {
            "RandomFlip": {}, "RandomRotation": {"factor": 0.2}, "RandomZoom": {"height_factor": 0.2},
            "RandomTranslation": {"height_factor": 0.2, "width_factor": 0.2},
            "RandomCrop": {"height": 4, "width": 5}, "RandomContrast": {"factor": 0.3},
            "RandomBrightness": {"factor": 0.3}, "RandomErasing": {}, "MixUp": {}, "CutMix": {},
            "RandomShear": {"x_factor": 0.2}, "RandomPerspective": {}, "RandomGrayscale": {},
            "RandomHue": {"factor": 0.3, "value_range": (0, 1)}, "RandomSaturation": {"factor": 0.3},
            "RandomInvert": {}, "RandomSharpness": {"factor": 0.3}, "RandomColorJitter": {},
            "RandomPosterization": {"factor": 4}, "RandomGaussianBlur": {"factor": 0.5},
            "RandomColorDegeneration": {"factor": 0.3}, "RandAugment": {"value_range": (0, 1)},
            "AugMix": {"value_range": (0, 1)}, "SpatialDropout2D": {"rate": 0.3},
        }.items()
    ),
    *(
        (name, options, steps, True)
        for name, options in {
            "Dropout": {"rate": 0.3}, "GaussianNoise": {"stddev": 0.3}, "GaussianDropout": {"rate": 0.3},
            "AlphaDropout": {"rate": 0.3}, "SpatialDropout1D": {"rate": 0.3}, "LeakyReLU": {}, "ELU": {},
            "ActivityRegularization": {"l2": 0.1}, "GlobalMaxPooling1D": {}, "Permute": {"dims": (2, 1)},
            "Rescaling": {"scale": 2.0, "offset": 1.0},
        }.items()
    ),
    ("StringLookup", {"vocabulary": ["red", "green", "blue"]}, words, False),
    ("TextVectorization", {"vocabulary": ["red", "green", "blue"], "output_sequence_length": 3}, words, False),
    ("IntegerLookup", {"vocabulary": [1, 2, 5]}, numbers, False),
]  # fmt: skip
# tried elsewhere: the base, inputs, and what has a test of its own
ELSEWHERE = {
    "Layer": "subclasses", "InputLayer": "in every model", "Wrapper": "subclasses",
    "Lambda": "test_layers_core.py", "StackedRNNCells": "an argument of RNN: test_layers_recurrent.py",
    "Hashing": "on the host: test_text_models.py", "HashedCrossing": "on the host: test_text_models.py",
}  # fmt: skip


@pytest.mark.parametrize(("name", "options", "data", "dynamic"), TRIALS, ids=[t[0] for t in TRIALS])
def test_saved_loaded_exported(
    name: str, options: dict[str, Any], data: Any, dynamic: bool, tmp_path: Path
) -> None:
    example = data(2, 5)
    shape = list(example.shape[1:])
    if dynamic:
        shape[0] = None
    kind = "string" if example.dtype == object else example.dtype
    start = wh.Input(shape, dtype=kind, name="x")
    model = wh.Model(start, getattr(L, name)(**options)(start))
    model.save(tmp_path / "model.wh")
    again = wh.models.load_model(tmp_path / "model.wh")
    wanted = model.predict(example, verbose=0)
    np.testing.assert_array_equal(again.predict(example, verbose=0), wanted)
    assert again.layers[-1].get_config() == model.layers[-1].get_config()
    again.export(tmp_path / "model.onnx", example=example)
    session = onnxruntime.InferenceSession(
        tmp_path / "model.onnx", providers=["CPUExecutionProvider"]
    )
    for batch in (1, 2, 7):
        for length in (5, 3, 8) if dynamic else (5,):
            x = data(batch, length)
            (found,) = session.run(None, {"x": x})
            np.testing.assert_allclose(found, model.predict(x, verbose=0), rtol=1e-5, atol=1e-6)


def nested(value: Any) -> Any:
    if type(value).__name__ == "Made":
        yield value.name
        yield from nested(value.config)
    elif isinstance(value, dict):
        for item in value.values():
            yield from nested(item)
    elif isinstance(value, list):
        for item in value:
            yield from nested(item)


def test_no_layer_is_left_out() -> None:
    module = _cases_module()
    tried = {t[0] for t in TRIALS} | set(ELSEWHERE)
    for area in module.AREAS:
        for c in module.cases(area):
            if not c.model and not c.training and not c.config.get("stateful"):
                tried |= {c.layer, *nested(dict(c.config))}
    classes = {
        getattr(L, n).__name__: n
        for n in L.__all__
        if isinstance(getattr(L, n), type) and issubclass(getattr(L, n), wh.Layer)
    }
    assert sorted(n for c, n in classes.items() if not {c, n} & tried) == []


def test_layers_stay_small() -> None:
    """Half of the layer classes have at most 30 lines of code."""
    import ast
    import inspect
    import statistics
    import textwrap

    def lines(kind: type) -> int:
        tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
        texts = [
            n.value
            for n in ast.walk(tree)
            if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)
        ]
        words = {
            line
            for n in ast.walk(tree)
            if hasattr(n, "lineno") and n not in texts
            for line in (n.lineno, n.end_lineno)
        }
        return len(words - {i for t in texts for i in range(t.lineno, t.end_lineno + 1)})

    kinds = {getattr(L, n) for n in L.__all__ if isinstance(getattr(L, n), type)}
    assert statistics.median(lines(k) for k in kinds if issubclass(k, wh.Layer)) <= 30
