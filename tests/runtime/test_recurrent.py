"""Recurrent layers beyond Keras' goldens: against NumPy, in files, from batch to batch, in training."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import waterhorse as wh

from .recurrent_reference import STATES, STEPS, run

KINDS = ("LSTM", "GRU", "SimpleRNN")
T, F, U = 6, 3, 4
_MASKS = {
    "right-padded": [[1, 1, 1, 1, 0, 0], [1, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1]],
    "left-padded": [[0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 0, 1], [1, 1, 1, 1, 1, 1]],
    "holes": [[0, 1, 0, 1, 1, 0], [1, 0, 0, 0, 0, 1], [0, 0, 1, 0, 0, 0]],
    "nothing": [[0, 0, 0, 0, 0, 0], [1, 1, 1, 0, 1, 1], [0, 0, 0, 0, 0, 0]],
    "everything": [[1] * 6] * 3,
}
MASKS = {name: np.array(rows, bool) for name, rows in _MASKS.items()}


def normal(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype("float32")


def layer_of(kind: str, **options: Any) -> Any:
    """A layer with weights that are not zero anywhere, in double precision where asked for."""
    layer = getattr(wh.layers, kind)(U, **options)
    layer(np.zeros((3, T, F), layer.dtype))
    layer.set_weights([normal(*w.shape, seed=i) * 0.7 for i, w in enumerate(layer.weights)])
    return layer


def reference_of(kind: str, layer: Any) -> Any:
    kernel, recurrent, bias = (w.astype("float64") for w in layer.get_weights())
    return partial(STEPS[kind], kernel=kernel, recurrent=recurrent, bias=bias)


# -- masks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("kind", KINDS)
def test_masks_and_initial_states_as_step_by_step(
    kind: str, mask: str, backwards: bool, zeros: bool
) -> None:
    layer = layer_of(
        kind, return_sequences=True, return_state=True, go_backwards=backwards,
        zero_output_for_mask=zeros,
    )  # fmt: skip
    x, states = normal(3, T, F), [normal(3, U, seed=7 + i) for i in range(STATES[kind])]
    wanted, final = run(
        reference_of(kind, layer), x, states, MASKS[mask], backwards=backwards, zeros=zeros
    )
    found, *last = layer(x, initial_state=states, mask=MASKS[mask])
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)
    for a, b in zip(last, final, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    layer.return_sequences = False
    np.testing.assert_allclose(
        layer(x, initial_state=states, mask=MASKS[mask])[0], wanted[:, -1], rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])  # one node; a Scan
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_through_masks_are_differences(kind: str, dtype: str, mask: str) -> None:
    layer = layer_of(kind, return_sequences=True, dtype=dtype)
    step = reference_of(kind, layer)
    given = [normal(3, T, F), *(normal(3, U, seed=7 + i) for i in range(STATES[kind]))]
    given = [a.astype(dtype) for a in given]
    factor = normal(3, T, U, seed=9).astype(dtype)

    def gradients(x: Any, *states: Any) -> Any:
        y = layer(x, initial_state=list(states), mask=MASKS[mask])
        return wh.grad(wh.ops.sum(y * factor), [x, *states])

    found = wh.function(gradients)(*given)
    direction = [normal(*a.shape, seed=3).astype("float64") for a in given]

    def loss(size: float) -> float:
        moved = [a + size * d for a, d in zip(given, direction, strict=True)]
        return float((run(step, moved[0], moved[1:], MASKS[mask])[0] * factor).sum())

    wanted = (loss(1e-5) - loss(-1e-5)) / 2e-5
    along = sum(float((g * d).sum()) for g, d in zip(found, direction, strict=True))
    close = {"rtol": 1e-6, "atol": 1e-8} if dtype == "float64" else {"rtol": 1e-4, "atol": 1e-5}
    np.testing.assert_allclose(along, wanted, **close)


@pytest.mark.parametrize("kind", KINDS)
def test_the_mask_of_an_embedding_reaches_all_layers_behind_it(kind: str) -> None:
    words = np.array([[3, 1, 2, 0, 0], [0, 4, 0, 1, 2], [0, 0, 0, 0, 0]])
    first, second = getattr(wh.layers, kind), getattr(wh.layers, kind)(3)
    model = wh.Sequential([
        wh.layers.Embedding(5, 4, mask_zero=True),
        wh.layers.Bidirectional(first(U, return_sequences=True)), second,
    ])  # fmt: skip
    found = model.predict_on_batch(words)
    y = model.layers[0](words)
    mask = words != 0
    y = model.layers[1](wh.ops.convert_to_tensor(np.asarray(y)), mask=mask)
    np.testing.assert_allclose(found, second(np.asarray(y), mask=mask), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found[2], 0)


def test_a_carried_mask_is_not_used_beside_initial_states() -> None:
    """As in Keras 3.15.1: it looks for ``sequences_mask`` then. An explicit mask is used."""
    layer = layer_of("GRU")
    x, state, mask = normal(3, T, F), normal(3, U), wh.ops.convert_to_tensor(MASKS["holes"])
    carried = wh.ops.convert_to_tensor(x).with_mask(mask)
    plain = layer(x, initial_state=[state])
    np.testing.assert_array_equal(layer(carried, initial_state=[state]), plain)
    masked = layer(x, initial_state=[state], mask=mask)
    assert np.abs(masked.numpy() - plain.numpy()).max() > 1e-3


# -- files ------------------------------------------------------------------------------------

_CELLS = [("LSTMCell", 3), ("GRUCell", 2)]


def _stack() -> Any:
    return wh.layers.RNN([getattr(wh.layers, name)(units) for name, units in _CELLS])


# what a layer becomes: recurrent nodes, and what else may be there to turn axes
EXPORTED: dict[str, tuple[Any, dict[str, int]]] = {
    "LSTM": (lambda: wh.layers.LSTM(U), {"LSTM": 1}),
    "LSTM, sequences": (lambda: wh.layers.LSTM(U, return_sequences=True), {"LSTM": 1}),
    "GRU": (lambda: wh.layers.GRU(U, return_sequences=True, return_state=True), {"GRU": 1}),
    "GRU, reset before": (lambda: wh.layers.GRU(U, reset_after=False), {"GRU": 1}),
    "SimpleRNN": (lambda: wh.layers.SimpleRNN(U, activation="relu"), {"RNN": 1}),
    "no bias": (lambda: wh.layers.LSTM(U, use_bias=False), {"LSTM": 1}),
    "backwards": (lambda: wh.layers.LSTM(U, go_backwards=True), {"LSTM": 1}),
    "hard sigmoid": (lambda: wh.layers.LSTM(U, recurrent_activation="hard_sigmoid"), {"LSTM": 1}),
    "dropout": (lambda: wh.layers.GRU(U, dropout=0.5, recurrent_dropout=0.5), {"GRU": 1}),
    "bidirectional": (
        lambda: wh.layers.Bidirectional(wh.layers.LSTM(U, return_sequences=True)), {"LSTM": 1},
    ),
    "bidirectional, dropout": (
        lambda: wh.layers.Bidirectional(wh.layers.GRU(U, dropout=0.5)), {"GRU": 1},
    ),
    "another layer backwards": (
        lambda: wh.layers.Bidirectional(
            wh.layers.GRU(U), backward_layer=wh.layers.LSTM(2, go_backwards=True)
        ),
        {"GRU": 1, "LSTM": 1},
    ),
    "stack": (_stack, {"LSTM": 1, "GRU": 1}),
    "gelu": (lambda: wh.layers.LSTM(U, activation="gelu"), {"Scan": 1}),
    "two of LSTM": (
        lambda: wh.Sequential([wh.layers.LSTM(U, return_sequences=True), wh.layers.LSTM(U)]),
        {"LSTM": 2},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPORTED)
def test_files_have_one_node_per_layer(name: str, tmp_path: Path) -> None:
    make, wanted = EXPORTED[name]
    start = wh.Input((None, F))
    model = wh.Model(start, make()(start))
    model.export(tmp_path / "m.onnx")
    counts = Counter(n.op_type for n in onnx.load(tmp_path / "m.onnx").graph.node)
    recurrent = {k: n for k, n in counts.items() if k in ("LSTM", "GRU", "RNN", "Scan", "Loop")}
    assert recurrent == wanted
    if (
        len(wanted) == 1 and "Scan" not in wanted
    ):  # the weights lie there as the operator wants them
        turning = {"Transpose", "Squeeze", "Reshape", "Gather", "Slice"}
        assert set(counts) - set(recurrent) <= turning


def test_two_layers_turn_no_axes_between_them(tmp_path: Path) -> None:
    start = wh.Input((None, F))
    inner = [wh.layers.GRU(U, return_sequences=True) for _ in range(3)]
    model = wh.Model(start, wh.Sequential(inner)(start))
    model.export(tmp_path / "m.onnx")
    counts = Counter(n.op_type for n in onnx.load(tmp_path / "m.onnx").graph.node)
    assert counts["Transpose"] == 2


# -- states from batch to batch ---------------------------------------------------------------


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_stateful_layers_go_on_where_they_stopped(kind: str, wrapped: bool) -> None:
    make = getattr(wh.layers, kind)
    layer = make(U, stateful=True, return_sequences=True)
    whole = make(U, return_sequences=True)
    if wrapped:  # only the half that goes forwards sees one long sequence
        layer, whole = wh.layers.Bidirectional(layer), wh.layers.Bidirectional(whole)
    model = wh.Sequential([wh.Input(batch_shape=(2, 3, F)), layer])
    x = normal(2, 9, F)
    wanted = np.asarray(whole(x))[..., :U]
    layer.set_weights(whole.get_weights())
    wanted = np.asarray(whole(x))[..., :U]
    for _ in range(2):
        found = [model.predict_on_batch(x[:, t : t + 3])[..., :U] for t in (0, 3, 6)]
        np.testing.assert_allclose(np.concatenate(found, 1), wanted, rtol=1e-5, atol=1e-6)
        layer.reset_state()
    assert all(np.all(v.numpy() == 0) for v in layer.states)
    assert not any(w.name == "rnn_state" for w in model.weights)


# -- dropout ----------------------------------------------------------------------------------


def test_dropout_of_inputs_is_the_same_at_each_step() -> None:
    layer = wh.layers.SimpleRNN(
        50, activation=None, use_bias=False, kernel_initializer="identity",
        recurrent_initializer="zeros", dropout=0.5, return_sequences=True, seed=3,
    )  # fmt: skip
    x = np.ones((8, 5, 50), "float32")
    first, second = (np.asarray(layer(x, training=True)) for _ in range(2))
    assert set(np.unique(first)) == {0.0, 2.0}
    assert np.all(first == first[:, :1])
    assert np.any(first != second)
    assert abs(first.mean() - 1) < 0.2
    np.testing.assert_array_equal(layer(x, training=False), x)


@pytest.mark.parametrize("unroll", [False, True])
def test_dropout_of_states_is_the_same_at_each_step(unroll: bool) -> None:
    layer = wh.layers.SimpleRNN(
        50, activation=None, use_bias=False, kernel_initializer="zeros", unroll=unroll,
        recurrent_initializer="identity", recurrent_dropout=0.5, return_sequences=True, seed=3,
    )  # fmt: skip
    x, ones = np.ones((8, 3, 2), "float32"), np.ones((8, 50), "float32")
    found = np.asarray(layer(x, initial_state=[ones], training=True))
    assert set(np.unique(found[:, 2])) == {0.0, 8.0}
    np.testing.assert_array_equal(found[:, 2], found[:, 0] * 4)
    np.testing.assert_array_equal(layer(x, initial_state=[ones]), np.ones((8, 3, 50)))


@pytest.mark.parametrize("implementation", [1, 2])
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_gates_drop_inputs_together_or_apart(kind: str, implementation: int) -> None:
    cell = getattr(wh.layers, f"{kind}Cell")(4, dropout=0.5, seed=1, implementation=implementation)
    cell.build((None, 60))
    cell.kernel.assign(np.ones(cell.kernel.shape, "float32"))
    dropped = cell.dropped(wh.ops.ones((2, 60)), wh.ops.ones((2, 4)), True)
    z = np.asarray(cell.project(wh.ops.ones((2, 60)), dropped) - cell.input_bias())
    different = {tuple(gate[:, 0]) for gate in np.split(z, cell.gates, axis=1)}
    assert (len(different) == 1) == (implementation == 2)


# -- cells of users ---------------------------------------------------------------------------


class Leaky:
    """A cell that is no layer: it forgets at a fixed rate, and its output is no state."""

    state_size = F
    output_size = 1

    def call(self, inputs: Any, states: Any) -> Any:
        state = states[0] * 0.5 + inputs
        return wh.ops.sum(state, axis=-1, keepdims=True), [state]


class Scaled(wh.layers.Layer):
    """A cell that is a layer, with a weight, an initial state, two states and a mode."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.state_size, self.output_size = units, [units, 1], units

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight((input_shape[-1], self.units), "ones", name="kernel")

    def get_initial_state(self, batch_size: Any = None) -> Any:
        return [wh.ops.ones((batch_size, self.units)), wh.ops.zeros((batch_size, 1))]

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        state, count = states
        new = wh.ops.tanh(wh.ops.matmul(inputs, self.kernel) + state) * (3.0 if training else 1.0)
        return new + count, [new, count + 1.0]


def _leaky(x: Any, states: Any) -> Any:
    state = states[0] * 0.5 + x
    return state.sum(-1, keepdims=True), [state]


def _scaled(x: Any, states: Any, factor: float = 1.0) -> Any:
    new = np.tanh(x @ np.ones((F, U)) + states[0]) * factor
    return new + states[1], [new, states[1] + 1]


@pytest.mark.parametrize("mask", [None, *MASKS])
@pytest.mark.parametrize("options", [{}, {"go_backwards": True}, {"unroll": True}], ids=str)
def test_cells_of_users_as_step_by_step(options: dict[str, Any], mask: str | None) -> None:
    x, valid = normal(3, T, F), None if mask is None else MASKS[mask]
    cases = [
        (Leaky(), _leaky, [np.zeros((3, F))], False),
        (Scaled(U), _scaled, [np.ones((3, U)), np.zeros((3, 1))], False),
        (Scaled(U), partial(_scaled, factor=3.0), [np.ones((3, U)), np.zeros((3, 1))], True),
    ]
    for cell, step, states, training in cases:
        wanted, final = run(step, x, states, valid, bool(options.get("go_backwards")))
        for sequences in (True, False):
            layer = wh.layers.RNN(cell, return_sequences=sequences, return_state=True, **options)
            found, *last = layer(x, mask=valid, training=training)
            expected = wanted if sequences else wanted[:, -1]
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
            for a, b in zip(last, final, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_whole_numbers_become_floats() -> None:
    x = np.random.default_rng(0).integers(0, 5, (3, T, F))
    layer = layer_of("GRU")
    np.testing.assert_array_equal(layer(x), layer(x.astype("float32")))
    both = wh.layers.Bidirectional(wh.layers.LSTM(U))
    np.testing.assert_array_equal(both(x), both(x.astype("float32")))


def test_each_step_has_its_own_mask_within_time_distributed() -> None:
    inner = wh.layers.LSTM(U)
    x, mask = normal(2, 3, T, F), normal(2, 3, T) > 0
    found = wh.layers.TimeDistributed(inner)(x, mask=mask)
    wanted = [np.asarray(inner(x[:, t], mask=mask[:, t])) for t in range(3)]
    np.testing.assert_allclose(found, np.stack(wanted, 1), rtol=1e-5, atol=1e-6)


def test_bidirectional_begins_with_given_weights() -> None:
    first = wh.layers.Bidirectional(wh.layers.GRU(U))
    x = normal(3, T, F)
    wanted = first(x)
    second = wh.layers.Bidirectional(wh.layers.GRU(U), weights=first.get_weights())
    np.testing.assert_array_equal(second(x), wanted)


# -- training ---------------------------------------------------------------------------------

TRAINED: dict[str, Any] = {
    "LSTM": lambda: wh.layers.LSTM(8),
    "GRU, dropout": lambda: wh.layers.GRU(8, dropout=0.1),
    "LSTM, both dropouts": lambda: wh.layers.LSTM(8, dropout=0.1, recurrent_dropout=0.1),
    "bidirectional, dropout": lambda: wh.layers.Bidirectional(wh.layers.GRU(8, dropout=0.1)),
    "gelu": lambda: wh.layers.SimpleRNN(8, activation="gelu"),
    "cell of a user": lambda: wh.layers.RNN(Scaled(8)),
    "stack": lambda: wh.layers.RNN([wh.layers.LSTMCell(8), wh.layers.LSTMCell(8)]),
    "stack, dropouts": lambda: wh.layers.RNN(
        [
            wh.layers.LSTMCell(8, dropout=0.1, recurrent_dropout=0.1),
            wh.layers.GRUCell(8, dropout=0.1),
        ]
    ),
    "float16": lambda: wh.layers.LSTM(8, dtype="mixed_float16"),
}


@pytest.mark.parametrize("name", TRAINED)
def test_training_on_one_length_and_asking_for_others(name: str) -> None:
    wh.utils.set_random_seed(1)
    start = wh.Input((None, F))
    model = wh.Model(start, wh.layers.Dense(1)(TRAINED[name]()(start)))
    x = normal(64, T, F)
    y = x[:, :, 0].mean(1, keepdims=True)
    model.compile(wh.optimizers.Adam(0.02), "mse")
    losses = model.fit(x, y, epochs=8, batch_size=16, verbose=0).history["loss"]
    assert losses[-1] < 0.6 * losses[0]
    for length in (1, 11):
        other = normal(5, length, F)
        alone = [model.predict_on_batch(other[i : i + 1]) for i in range(5)]
        together = model.predict(other, verbose=0)
        np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("training", [False, True])
def test_images_with_the_channels_in_front(training: bool) -> None:
    options = {"return_sequences": True, "return_state": True, "strides": (2, 1)}
    options |= {"dropout": 0.5, "recurrent_dropout": 0.5, "seed": 5} if training else {}
    last = wh.layers.ConvLSTM2D(3, (2, 3), padding="same", **options)
    first = wh.layers.ConvLSTM2D(
        3, (2, 3), padding="same", data_format="channels_first", **options
    )  # fmt: skip
    x = normal(2, 4, 5, 6, 2)
    y, *states = last(x, training=training)
    turned = np.moveaxis(x, -1, 2)
    first.build(turned.shape)
    first.built = True
    first.set_weights(last.get_weights())
    z, *others = first(turned, training=training)
    np.testing.assert_allclose(np.moveaxis(np.asarray(z), 2, -1), y, rtol=1e-5, atol=1e-6)
    for a, b in zip(states, others, strict=True):
        np.testing.assert_allclose(np.moveaxis(np.asarray(b), 1, -1), a, rtol=1e-5, atol=1e-6)
    # from the middle on with the states of the first half
    if not training:
        _, *states = last(x[:, :2])
        np.testing.assert_allclose(
            last(x[:, 2:], initial_state=states)[0], np.asarray(y)[:, 2:], rtol=1e-5, atol=1e-6
        )
    else:
        assert np.any(np.asarray(last(x)[0]) != np.asarray(y))


def test_a_decoder_goes_on_from_the_states_of_an_encoder() -> None:
    source, target = wh.Input((None, F)), wh.Input((None, F))
    encoder = wh.layers.LSTM(U, return_state=True)
    decoder = wh.layers.LSTM(U, return_sequences=True, return_state=True)
    _, h, c = encoder(source)
    y, _, _ = decoder(target, initial_state=[h, c])
    model = wh.Model([source, target], y)
    a, b = normal(2, 4, F), normal(2, 3, F, seed=1)
    wanted = model.predict_on_batch([a, b])
    # the same layers in two models of their own, step by step
    states = wh.Model(source, [h, c]).predict_on_batch(a)
    given = [wh.Input((U,)), wh.Input((U,))]
    one = wh.Input((1, F))
    stepper = wh.Model([one, *given], list(decoder(one, initial_state=given)))
    found = []
    for t in range(3):
        out, *states = stepper.predict_on_batch([b[:, t : t + 1], *states])
        found.append(out)
    np.testing.assert_allclose(np.concatenate(found, 1), wanted, rtol=1e-5, atol=1e-6)


# -- errors -----------------------------------------------------------------------------------

ERRORS: dict[str, tuple[Any, type[Exception], str]] = {
    "units": (lambda: wh.layers.LSTM(0), ValueError, "above 0"),
    "rate": (lambda: wh.layers.GRU(3, dropout=1.5), ValueError, "from 0 to 1"),
    "unknown": (lambda: wh.layers.GRU(3, droput=0.5), TypeError, "droput"),
    "no cell": (lambda: wh.layers.RNN(3), ValueError, "takes a cell"),
    "kernel": (
        lambda: wh.layers.LSTM(3, activation="gelu", use_cudnn=True)(normal(1, 2, 3)),
        ValueError, "cannot be one node",
    ),
    "rank": (lambda: wh.layers.LSTM(3)(normal(2, 3)), ValueError, "3 axes"),
    "unroll": (
        lambda: wh.layers.LSTM(3, unroll=True)(wh.Input((None, 3))), ValueError, "unroll=True",
    ),
    "stateful": (
        lambda: wh.layers.LSTM(3, stateful=True)(wh.Input((4, 3))), ValueError, "batch_shape",
    ),
    "merge": (
        lambda: wh.layers.Bidirectional(wh.layers.GRU(3), merge_mode="max"), ValueError, "'ave'",
    ),
    "directions": (
        lambda: wh.layers.Bidirectional(wh.layers.GRU(3), backward_layer=wh.layers.GRU(3)),
        ValueError, "each way",
    ),
    "unlike halves": (
        lambda: wh.layers.Bidirectional(
            wh.layers.GRU(3),
            backward_layer=wh.layers.GRU(3, go_backwards=True, return_sequences=True),
        ),
        ValueError, "return_sequences",
    ),
    "time": (
        lambda: wh.layers.TimeDistributed(wh.layers.Dense(2))(normal(2, 3)), ValueError, "3 axes",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors_say_what_is_wrong(name: str) -> None:
    make, kind, words = ERRORS[name]
    with pytest.raises(kind, match=words):
        make()
