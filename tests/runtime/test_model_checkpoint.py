"""``ModelCheckpoint``: as Keras has it, but unknown monitors and modes are errors."""

from pathlib import Path

import numpy as np
import pytest

import waterhorse as wh
from waterhorse import layers as L
from waterhorse.errors import ArgumentError


def model_on_digits() -> wh.Model:
    model = wh.Sequential([wh.Input((64,)), L.Dense(8, "relu"), L.Dropout(0.2), L.Dense(10)])
    loss = wh.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(wh.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
    return model


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def fit(flat, *callbacks, **options):
    return model_on_digits().fit(*flat, callbacks=list(callbacks), verbose=0, **options)


def test_templates(flat, tmp_path: Path) -> None:
    checkpoint = wh.callbacks.ModelCheckpoint(tmp_path / "a" / "{epoch:02d}-{val_loss:.3f}.wh")
    history = fit(flat, checkpoint, epochs=3, validation_split=0.25).history
    assert names(tmp_path / "a") == [
        f"{i:02d}-{v:.3f}.wh" for i, v in enumerate(history["val_loss"], 1)
    ]
    loaded = wh.models.load_model(tmp_path / "a" / names(tmp_path / "a")[-1])
    found = loaded.evaluate(flat[0][192:], flat[1][192:], verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(history["val_loss"][-1], rel=1e-6)


def test_every_few_batches(flat, tmp_path: Path) -> None:
    checkpoint = wh.callbacks.ModelCheckpoint(tmp_path / "{epoch}-{batch}", save_freq=3)
    fit(flat, checkpoint, epochs=2)
    assert names(tmp_path) == ["1-3", "1-6", "2-1", "2-4", "2-7"]


@pytest.mark.parametrize(
    ("options", "saved"),
    [
        ({"monitor": "loss"}, [1, 3, 5]),
        ({"monitor": "loss", "mode": "max"}, [1, 2]),
        ({"monitor": "accuracy"}, [1, 3, 4]),
        ({"monitor": "accuracy", "initial_value_threshold": 0.65}, [4]),
        ({"monitor": "loss", "initial_value_threshold": 0.75}, [5]),
    ],
)
def test_the_best_is_kept(options, saved, tmp_path: Path) -> None:
    checkpoint = wh.callbacks.ModelCheckpoint(tmp_path / "{epoch}", save_best_only=True, **options)
    checkpoint.set_model(model_on_digits())
    model = checkpoint.model
    model.fit(np.zeros((1, 64), "float32"), np.zeros(1, int), verbose=0)
    for epoch, logs in enumerate(
        zip([1.0, 1.2, 0.8, 0.9, 0.7], [0.5, 0.5, 0.6, 0.7, 0.4], strict=True)
    ):
        checkpoint.on_epoch_end(epoch, dict(zip(["loss", "accuracy"], logs, strict=True)))
    assert names(tmp_path) == [str(i) for i in saved]


def test_weights_only(flat, tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    model = model_on_digits()
    model.fit(
        *flat, callbacks=wh.callbacks.ModelCheckpoint(path, save_weights_only=True), verbose=0
    )
    wh.utils.clear_session()  # names begin anew
    other = model_on_digits()
    assert not np.array_equal(other.get_weights()[0], model.get_weights()[0])
    other.load_weights(path)
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])


def test_it_says_what_it_does(flat, tmp_path: Path, capsys) -> None:
    best = wh.callbacks.ModelCheckpoint(tmp_path / "m", "loss", verbose=1, save_best_only=True)
    fit(flat, best)
    said = capsys.readouterr().out
    assert "epoch 1: loss improved to" in said
    assert f"epoch 1: wrote {tmp_path / 'm'}" in said


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ("{val_accuracy}", {}, r"cannot fill in .*there are epoch, accuracy, loss"),
        ("m", {"save_best_only": True}, "there is no 'val_loss'.*there are accuracy, loss"),
        ("m", {"mode": "up"}, "mode='up'"),
        ("m", {"monitor": "own", "save_best_only": True}, "give mode='max' or mode='min'"),
    ],
)
def test_mistakes(flat, path, options, message, tmp_path: Path) -> None:
    def own(y_true, y_pred):
        return wh.ops.mean(y_pred)

    model = model_on_digits()
    if options.get("monitor") == "own":
        model.compile(
            "sgd", wh.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=[own]
        )
    with pytest.raises(ArgumentError, match=message):
        checkpoint = wh.callbacks.ModelCheckpoint(tmp_path / path, **options)
        model.fit(*flat, callbacks=checkpoint, verbose=0)
