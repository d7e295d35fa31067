"""Which names of Keras are compared with Keras' own values, and which are tested otherwise.

The first is read out of the golden files, which say what they called. Where a test has no such table, the
name must occur in one of the test's files that are listed here for its kind.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
TESTS = HERE.parent

# prefix of paths -> files of tests; those that compare with Keras' values first, then those that do not
FILES: dict[str, tuple[list[str], list[str]]] = {
    "layers.": (
        ["compiler/keras/test_layers_core.py", "goldens/layers/cases_core.py", "compiler/keras/test_preprocessing_adapt.py"],
        ["compiler/test_layers.py", "runtime/test_models.py", "runtime/test_lora.py", "compiler/keras/test_layers_image.py",
         "runtime/test_saving.py", "compiler/keras/test_layers_merging.py", "compiler/keras/test_layers_regularization.py",
         "compiler/keras/test_layers_round_trip.py", "runtime/test_keras_members.py"]),
    "losses.": ([], ["compiler/keras/test_losses.py"]),
    "metrics.": (["compiler/keras/test_metrics.py"], ["compiler/keras/test_metrics_state.py", "runtime/test_keras_members.py", "runtime/test_training.py"]),
    "optimizers.": (["compiler/optim/test_optimizers_keras.py"], ["compiler/optim/test_optimizers.py", "compiler/optim/test_wrappers.py",
                    "compiler/optim/test_persistence.py", "runtime/test_checkpoint.py"]),
    "optimizers.schedules.": ([], ["compiler/optim/test_schedules.py", "compiler/optim/test_wrappers.py"]),
    "callbacks.": (["runtime/callback_cases.py", "runtime/test_callbacks_keras.py"],
                   ["runtime/test_callbacks.py", "runtime/test_model_checkpoint.py", "runtime/test_tensorboard.py",
                    "runtime/test_checkpoint.py", "runtime/test_callbacks_adversarial.py", "runtime/test_keras_members.py"]),
    "initializers.": ([], ["compiler/optim/test_initializers.py", "runtime/test_keras_members.py"]),
    "regularizers.": ([], ["compiler/optim/test_penalties.py", "runtime/test_keras_members.py"]),
    "constraints.": ([], ["compiler/optim/test_penalties.py", "runtime/test_keras_members.py"]),
    "activations.": ([], ["compiler/keras/test_activations.py"]),
    "ops.": ([], ["compiler/keras/test_ops.py", "compiler/keras/test_ops_more.py", "compiler/test_indexing.py", "runtime/test_keras_members.py"]),
    "random.": ([], ["compiler/keras/test_ops_random.py", "compiler/optim/test_random.py", "compiler/optim/test_variates.py"]),
    "utils.": (["runtime/test_utils_keras.py"],
               ["runtime/test_utils.py", "runtime/test_utils_files.py", "runtime/test_utils_images.py", "runtime/test_data_pydataset.py",
                "runtime/test_plot_model.py", "runtime/test_saving.py", "runtime/test_keras_members.py", "runtime/test_progress.py", "runtime/test_data_dataset.py", "compiler/optim/test_random.py",
                "runtime/test_feature_space.py"]),
    "preprocessing.": (["runtime/test_utils_keras.py"], ["runtime/test_utils_images.py"]),
    "datasets.": (["runtime/test_datasets_keras.py", "runtime/test_utils_keras.py"], ["runtime/test_datasets.py"]),
    "wrappers.": ([], ["runtime/test_wrappers.py"]), "tree.": (["runtime/test_utils_keras.py"], ["runtime/test_utils.py", "compiler/test_tree.py"]),
    "config.": ([], ["runtime/test_utils.py", "runtime/test_callbacks.py", "compiler/keras/test_layers_core.py"]),
    "backend.": ([], ["runtime/test_utils.py", "runtime/test_keras_members.py"]),
    "saving.": (["runtime/test_keras_files.py"], ["runtime/test_models.py", "runtime/test_keras_members.py", "runtime/test_saving.py"]),
    "dtype_policies.": ([], ["runtime/test_keras_members.py", "compiler/keras/test_layers_core.py", "compiler/test_layers.py"]),
    "models.": (["runtime/test_keras_files.py"], ["runtime/test_saving.py", "runtime/test_models.py"]),
    "Model:": (["runtime/test_keras_training.py", "runtime/test_keras_history.py", "goldens/training_runs.py", "goldens/training_runs_layers.py", "runtime/test_keras_files.py"],
               ["runtime/test_models.py", "runtime/test_training.py", "runtime/test_step.py", "compiler/keras/test_quantization.py", "runtime/test_saving.py",
                "runtime/test_export.py", "runtime/test_summary.py", "runtime/test_callbacks.py", "compiler/test_layers.py",
                "runtime/test_keras_members.py"]),
    "Sequential:": ([], ["runtime/test_keras_members.py", "runtime/test_models.py", "compiler/test_layers.py"]),
    "Variable:": ([], ["compiler/test_state.py", "compiler/test_layers.py", "runtime/test_keras_members.py"]),
    "": ([], ["runtime/test_keras_members.py", "runtime/test_models.py", "compiler/test_layers.py", "compiler/test_state.py",
              "compiler/keras/test_layers_core.py"]),
}  # fmt: skip
# how it is tested that we do what has no name of its own: kind, file, a word in it
BEHAVIOURS: dict[str, tuple[str, str, str]] = {
    "nested lists and dicts of inputs and outputs": ("test", "runtime/test_models.py", "dict"),
    "shared layers and models as layers": ("test", "runtime/test_models.py", "shared"),
    "feature extraction from a layer's output": ("test", "runtime/test_models.py", "get_layer"),
    "operators and ops on symbolic tensors": ("test", "runtime/test_models.py", "wh.ops"),
    "optional inputs": ("test", "runtime/test_models.py", "optional=True"),
    "outputs named by dicts, with losses and metrics by name": ("test", "runtime/test_training.py", "loss_weights"),
    "deferred build of Sequential": ("test", "runtime/test_models.py", "Sequential"),
    "subclassing with build and call(training, mask)": ("test", "runtime/test_models.py", "mask"),
    "masks through layers, losses and metrics": ("Keras", "goldens/layers/cases_recurrent.py", "masks"),
    "a train_step of one's own": ("test", "runtime/test_training.py", "train_step"),
    "fit: arrays, lists, dicts": ("Keras", "runtime/test_keras_history.py", "fit"),
    "fit: pandas": ("test", "runtime/test_data_arrays.py", "pandas"),
    "fit: generators": ("test", "runtime/test_data_iterables.py", "yield"),
    "fit: PyDataset with workers": ("test", "runtime/test_data_pydataset.py", "workers"),
    "fit: torch DataLoader and tf.data, without importing them": ("test", "runtime/test_data_arrays.py", "DataLoader"),
    "fit: scipy.sparse": ("test", "runtime/test_data_arrays.py", "scipy"),
    "fit: Arrow and Polars": ("test", "runtime/test_data_arrays.py", "polars"),
    "fit: grain": ("test", "runtime/test_data_dataset.py", "grain"),
    '"accuracy" and "crossentropy" chosen by shapes': ("test", "compiler/keras/test_metrics_state.py", "crossentropy"),
    "common arguments of optimizers: decay, clipping, EMA, accumulation, loss scale": ("Keras", "compiler/optim/cases.py", "ema"),
    "dtype of a layer and of all layers": ("test", "runtime/test_utils.py", "dtype_policy"),
    "mixed precision with loss scaling": ("test", "runtime/test_models.py", "mixed_float16"),
    ".keras files of Keras: configuration and weights": ("Keras", "runtime/test_keras_files.py", "load_model"),
    ".weights.h5 and old .h5 files": ("Keras", "runtime/test_keras_files.py", "weights.h5"),
    "JSON of an architecture": ("test", "runtime/test_models.py", "to_json"),
    "export to ONNX Runtime for batches and lengths not seen in training": ("Keras", "compiler/keras/layer_harness.py", "lengths"),
    "quantize to int8 and int4 (float8, gptq and awq say what to use instead)": ("test", "compiler/keras/test_quantization.py", "quantize"),
}  # fmt: skip


@cache
def compared() -> frozenset[str]:
    """Paths that a golden file has a case of."""
    return frozenset(_compared())


def _compared() -> Iterator[str]:
    for area in ("activations", "losses", "metrics"):
        yield from (f"{area}.{case['call']}" for case in _cases(area))
    # each class of a loss is a function with its arguments kept
    yield from (f"losses.{_snake(case['call'])}" for case in _cases("losses"))
    yield from (f"metrics.{_snake(case['call'])}" for case in _cases("metrics"))
    for area in ("ops", "ctc"):
        yield from (f"ops.{case['call']}" for case in _cases(area))
    with np.load(HERE / "keras_operations.npz") as file:
        yield from (f"ops.{name.split('-')[0]}" for name in json.loads(str(file["names"])))
    # most activations are ops under the same name
    yield from (f"ops.{case['call']}" for case in _cases("activations"))
    for file in sorted((HERE / "layers").glob("cases_*.py")):
        cases = importlib.import_module(f"tests.goldens.layers.{file.stem}").CASES
        stored = {case["name"] for case in _cases(f"layers_{file.stem.removeprefix('cases_')}")}
        for case in cases:
            if case.name in stored:
                yield from (f"layers.{name}" for name in _layers(case))
    yield from (
        f"layers.{c['layer']}" for c in json.loads((HERE / "keras_text.json").read_text())["cases"]
    )
    with np.load(HERE / "keras_optimizers.npz") as file:
        yield from (f"optimizers.{name.split('-')[0]}" for name in json.loads(str(file["names"])))
    from tests.compiler.optim import cases as optim  # its arrays are made when it is imported

    for area in ("regularizers", "constraints", "initializers", "schedules"):
        prefix = "optimizers.schedules" if area == "schedules" else area
        yield from (f"{prefix}.{name}" for name in _classes(optim, area.upper()))


def _classes(module: Any, table: str) -> Iterator[str]:
    for name, value in vars(module).items():
        if isinstance(value, dict) and (
            name == table
            or name.endswith(f"_{table}")
            or (table == "INITIALIZERS" and name == "EXACT")
        ):
            yield from (entry[0] for entry in value.values())


def _layers(case: Any) -> Iterator[str]:
    yield case.layer
    parts = list(case.config.values())
    while parts:
        part = parts.pop()
        if isinstance(part, (list, tuple)):
            parts += part
        elif hasattr(part, "config"):
            yield part.name
            parts += part.config.values()


def _cases(area: str) -> list[dict[str, Any]]:
    with np.load(HERE / f"keras_{area}.npz") as file:
        return json.loads(str(file["cases"]))  # type: ignore[no-any-return]


def _snake(name: str) -> str:
    words = re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name))
    return words.lower()


@cache
def _text(file: str) -> str:
    path = TESTS / file
    return path.read_text(encoding="utf-8") if path.exists() else ""


def evidence(path: str, also: tuple[str, ...] = ()) -> tuple[str, str]:
    """("Keras" or "test" or "", the file): how we know that a name does what Keras' does."""
    for name in (path, *also):
        if name in compared():
            return "Keras", ""
    for name in (path, *also):
        found = _searched(name)
        if found[0]:
            return found
    return "", ""


def _searched(path: str) -> tuple[str, str]:
    prefix = max((p for p in FILES if path.startswith(p)), key=len)
    word = re.split(r"[.:]", path)[-1]
    if path.startswith("datasets."):
        word = path.split(".")[1]
    # used, not only mentioned
    w = re.escape(word)
    pattern = re.compile(
        rf"\.{w}(?!\w)|(?<!\w){w}\(|[\"']{w}[\"']|\[.*\b{w}\b.*\]|^    {w},", re.MULTILINE
    )
    for kind, files in zip(("Keras", "test"), FILES[prefix], strict=True):
        for file in files:
            if pattern.search(_text(file)):
                return kind, file
    return "", ""


def behaviour(title: str) -> tuple[str, str]:
    """The same of what has no name of its own."""
    kind, file, word = BEHAVIOURS.get(title, ("", "", ""))
    return (kind, file) if kind and word in _text(file) else ("", "")
