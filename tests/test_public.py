"""The names that users rely on."""

import ast
from pathlib import Path

import pytest

import waterhorse as wh


@pytest.mark.parametrize("name", wh.__all__)
def test_every_public_name_loads(name: str) -> None:
    assert getattr(wh, name) is not None


def test_the_stub_tells_the_same_names() -> None:
    stub = Path(wh.__file__).with_suffix(".pyi")
    tree = ast.parse(stub.read_text())
    (names,) = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "__all__"  # type: ignore[attr-defined]
    ]
    assert sorted(names) == sorted(wh.__all__)


MODULES = ("layers", "losses", "metrics", "optimizers", "activations", "initializers", "regularizers",
           "constraints", "callbacks", "lora", "ops", "random", "utils", "datasets", "models", "saving")  # fmt: skip


@pytest.mark.parametrize("module", MODULES)
def test_all_lists_what_is_there(module: str) -> None:
    loaded = getattr(wh, module)
    assert sorted(set(loaded.__all__)) == sorted(loaded.__all__)
    missing = [n for n in loaded.__all__ if not hasattr(loaded, n)]
    assert not missing


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Denze'"):
        wh.Denze  # noqa: B018


@pytest.mark.parametrize(
    "name",
    [
        "layers.JaxLayer",
        "layers.TFSMLayer",
    ],
)
def test_what_keras_has_and_we_do_not_says_so(name: str) -> None:
    module, attribute = name.split(".")
    with pytest.raises(NotImplementedError, match=rf"wh\.{module}\.{attribute} (is not|would)"):
        getattr(getattr(wh, module), attribute)


def test_prompt_arithmetic() -> None:
    assert float(wh.losses.Huber()([1.0, 2.0], [1.5, 4.0])) == pytest.approx(0.8125)
    metric = wh.metrics.MeanSquaredError()
    metric.update_state([1.0], [3.0])
    metric.update_state([1.0], [1.0])
    assert float(metric.result()) == pytest.approx(2.0)
    assert "2." in repr(wh.ops.add(1.0, 1.0))
