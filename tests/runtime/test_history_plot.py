"""Curves of a training run: as pictures, and as text where there is no matplotlib."""

import sys
from pathlib import Path

import numpy as np
import pytest

import waterhorse as wh
from waterhorse.errors import ArgumentError


def history(**curves) -> wh.callbacks.History:
    made = wh.callbacks.History()
    made.history = {n: list(v) for n, v in curves.items()}
    made.epoch = list(range(max(map(len, curves.values()), default=0)))
    return made


def example() -> wh.callbacks.History:
    return history(accuracy=[0.5, 0.7, 0.9], loss=[4.0, 2.0, 1.0], val_accuracy=[0.4, 0.6, 0.8],
                   val_loss=[5.0, 3.0, 2.0], learning_rate=[0.1, 0.01, 0.001])  # fmt: skip


def drawn(figure) -> dict[str, dict[str, tuple[list[float], list[float]]]]:
    return {
        axes.get_title(): {
            line.get_label(): ([*line.get_xdata()], [*line.get_ydata()]) for line in axes.get_lines()
        }
        for axes in figure.axes if axes.get_title()
    }  # fmt: skip


def test_a_picture_per_metric_training_and_validation_in_one() -> None:
    found = drawn(example().plot())
    assert list(found) == ["loss", "accuracy", "learning_rate"]
    assert found["loss"] == {
        "training": ([1, 2, 3], [4.0, 2.0, 1.0]),
        "validation": ([1, 2, 3], [5.0, 3.0, 2.0]),
    }
    assert list(found["learning_rate"]) == ["training"]
    assert list(drawn(example().plot(["accuracy"]))) == ["accuracy"]
    assert list(drawn(example().plot("val_loss"))) == ["loss"]


def test_rare_validation_is_at_the_epochs_in_which_it_was_done() -> None:
    model = wh.Sequential([wh.Input((2,)), wh.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((8, 2)), np.ones((8, 1))
    run = model.fit(x, y, epochs=6, verbose=0, validation_data=(x, y), validation_freq=2)
    assert drawn(run.plot())["loss"]["validation"][0] == [2, 4, 6]


def test_smoothing_is_the_moving_average_without_bias() -> None:
    values = [1.0, 2.0, 4.0]
    figure = history(loss=values).plot(smoothing=0.5)
    pale, smooth = figure.axes[0].get_lines()
    np.testing.assert_array_equal(pale.get_ydata(), values)
    weights = [[1], [1 / 3, 2 / 3], [1 / 7, 2 / 7, 4 / 7]]
    expected = [np.dot(w, values[: len(w)]) for w in weights]
    np.testing.assert_allclose(smooth.get_ydata(), expected)


@pytest.mark.parametrize(
    ("kind", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_files(tmp_path: Path, kind: str, start: bytes) -> None:
    example().plot(to_file=tmp_path / f"curves.{kind}")
    assert (tmp_path / f"curves.{kind}").read_bytes().startswith(start)


def test_sparklines() -> None:
    assert history(loss=[8, 7, 6, 5, 4, 3, 2, 1]).sparklines() == "loss  █▇▆▅▄▃▂▁  8 -> 1"
    both = history(loss=[7, 0], val_loss=[3, float("nan")]).sparklines().splitlines()
    assert both == ["loss      █▁  7 -> 0", "val_loss  ▄?  3 -> nan"]
    (line,) = history(loss=range(600)).sparklines().splitlines()
    assert sum(c in "▁▂▃▄▅▆▇█" for c in line) == 60


def test_without_matplotlib_there_is_text(monkeypatch, capsys, tmp_path: Path) -> None:
    for name in [
        n for n in sys.modules if n.split(".")[0] == "matplotlib" or n.endswith("runtime.figures")
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("waterhorse.runtime.figures", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    run = example()
    assert run.plot("loss") is None
    assert capsys.readouterr().out.rstrip("\n") == run.sparklines("loss")
    with pytest.raises(ImportError, match=r"waterhorse\[viz\]"):
        run.plot(to_file=tmp_path / "a.png")
    assert not [*tmp_path.iterdir()]


def test_wrong_arguments(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="nothing to draw"):
        history().plot()
    with pytest.raises(ArgumentError, match="has the curves"):
        example().plot("f1")
    with pytest.raises(ArgumentError, match="smoothing"):
        example().plot(smoothing=1.0)
    with pytest.raises(ArgumentError, match=r"\.png, \.svg or \.pdf"):
        example().plot(to_file=tmp_path / "a.gif")


def test_values_that_are_no_curve_are_left_out() -> None:
    several = history(loss=[1.0, 0.5], f1_score=[np.zeros(3), np.ones(3)])
    assert list(drawn(several.plot())) == ["loss"]
