"""Recurrent layers."""

from __future__ import annotations

from typing import Any

from .cases import Case, Given, case, layer

SEQUENCE = (3, 5, 4)
IMAGES = (2, 3, 6, 5, 2)
TIME: dict[str, Any] = {"dynamic": (1,), "lengths": (1, 9)}
BOOLS = Given((3, 5), "bools")
PREFIX = Given((3, 5), "prefix")
SEQUENCES = {"return_sequences": True}
STATES = {"return_sequences": True, "return_state": True}


def _layers() -> list[Case]:
    """What the three layers have in common."""
    found = []
    for kind in ("LSTM", "GRU", "SimpleRNN"):
        for name, config in {
            "last": {},
            "sequences": SEQUENCES,
            "states": STATES,
            "no bias": {"use_bias": False},
            "backwards": {**STATES, "go_backwards": True},
            "backwards, last": {"return_state": True, "go_backwards": True},
        }.items():
            found.append(case(f"{kind}, {name}", kind, {"units": 3, **config}, [SEQUENCE], **TIME))
        found += [
            case(f"{kind}, unroll", kind, {"units": 3, "unroll": True, **STATES}, [SEQUENCE]),
            case(f"{kind}, unroll backwards", kind,
                 {"units": 3, "unroll": True, "go_backwards": True, **SEQUENCES}, [SEQUENCE]),
            # without gradients: Keras on torch overwrites the states that it needs for them
            case(f"{kind}, stateful", kind, {"units": 3, "stateful": True, **SEQUENCES}, [SEQUENCE],
                 gradients=False),
            case(f"{kind}, recurrent dropout, not in training", kind,
                 {"units": 3, "recurrent_dropout": 0.5, "dropout": 0.3}, [SEQUENCE], **TIME),
        ]  # fmt: skip
        # A carried mask that Keras applies; what a skipped step gives, in both directions.
        for mask_name, mask in (("padding", PREFIX), ("holes", BOOLS)):
            for name, config in {
                "last": {},
                "states": STATES,
                "backwards": {**STATES, "go_backwards": True},
                "zeros": {**STATES, "zero_output_for_mask": True},
            }.items():
                found.append(
                    case(f"{kind}, mask with {mask_name}, {name}", kind, {"units": 3, **config},
                         [SEQUENCE], masks={0: mask}, **TIME)
                )  # fmt: skip
        found.append(
            case(f"{kind}, mask, unroll", kind, {"units": 3, "unroll": True, **STATES}, [SEQUENCE],
                 masks={0: BOOLS})
        )  # fmt: skip
        # Activations that ONNX's operators have, and one that they have not.
        for activation in ("relu", "linear", "hard_sigmoid", "softsign", "softplus", "elu",
                           "leaky_relu", "gelu"):  # fmt: skip
            found.append(
                case(f"{kind}, {activation}", kind, {"units": 3, "activation": activation, **SEQUENCES},
                     [SEQUENCE], **TIME)
            )  # fmt: skip
        if kind != "SimpleRNN":
            for activation in ("hard_sigmoid", "tanh", "hard_tanh"):
                found.append(
                    case(f"{kind}, gates by {activation}", kind,
                         {"units": 3, "recurrent_activation": activation, **SEQUENCES}, [SEQUENCE],
                         **TIME)
                )  # fmt: skip
        found.append(
            case(f"{kind}, penalties", kind,
                 {"units": 3, "kernel_regularizer": "l2", "recurrent_regularizer": "l1",
                  "bias_regularizer": "l2", "kernel_constraint": "non_neg"}, [SEQUENCE], **TIME)
        )  # fmt: skip
    for kind in ("GRU", "SimpleRNN"):  # LSTM takes two, which tests/runtime/test_recurrent.py has
        found.append(
            case(f"{kind}, initial state", kind, {"units": 3, **STATES}, [SEQUENCE],
                 kwargs={"initial_state": Given((3, 3))})
        )  # fmt: skip
    return found


_CELLS = [
    layer("LSTMCell", units=3), layer("GRUCell", units=2), layer("SimpleRNNCell", units=4),
]  # fmt: skip
_UNLIKE = [layer("LSTMCell", units=3), layer("GRUCell", units=2, activation="gelu")]


def _bidirectional() -> list[Case]:
    found = []
    for kind in ("LSTM", "GRU", "SimpleRNN"):
        for mode in ("concat", "sum", "mul", "ave", None):
            for name, config in (("last", {}), ("states", STATES)):
                inner = layer(kind, units=3, **config)
                found.append(
                    case(f"Bidirectional {kind}, {mode}, {name}", "Bidirectional",
                         {"layer": inner, "merge_mode": mode}, [SEQUENCE], **TIME)
                )  # fmt: skip
        for name, mask in (("padding", PREFIX), ("holes", BOOLS)):
            for sequences in (True, False):
                inner = layer(kind, units=3, return_sequences=sequences)
                found.append(
                    case(f"Bidirectional {kind}, mask with {name}, sequences {sequences}",
                         "Bidirectional", {"layer": inner}, [SEQUENCE], masks={0: mask}, **TIME)
                )  # fmt: skip
    back = layer("GRU", units=2, go_backwards=True, return_sequences=True)
    return [
        *found,
        case("Bidirectional, another layer backwards", "Bidirectional",
             {"layer": layer("LSTM", units=3, return_sequences=True), "backward_layer": back},
             [SEQUENCE], **TIME),
        case("Bidirectional, an activation that is not ONNX's", "Bidirectional",
             {"layer": layer("LSTM", units=3, activation="gelu", return_sequences=True)}, [SEQUENCE],
             masks={0: BOOLS}, **TIME),
        case("Bidirectional, stack of cells", "Bidirectional",
             {"layer": layer("RNN", cell=_CELLS, return_sequences=True)}, [SEQUENCE], **TIME),
    ]  # fmt: skip


def _convolutional() -> list[Case]:
    usual: dict[str, Any] = {"filters": 2, "kernel_size": 3}
    found = [
        case(f"ConvLSTM2D, {name}", "ConvLSTM2D", {**usual, **config}, [IMAGES], **TIME)
        for name, config in {
            "last": {},
            "same, states": {"padding": "same", **STATES},
            "strides": {"strides": 2, "padding": "same", "return_sequences": True},
            "dilation": {"dilation_rate": 2, "kernel_size": 2, "use_bias": False},
            "backwards": {"go_backwards": True, **STATES},
            "functions": {"activation": "relu", "recurrent_activation": "hard_sigmoid"},
            "no forget bias": {"unit_forget_bias": False},
        }.items()
    ]
    return [
        *found,
        case("ConvLSTM2D, mask", "ConvLSTM2D", {**usual, **STATES}, [IMAGES],
             masks={0: Given((2, 3), "bools")}, **TIME),
        case("ConvLSTM1D", "ConvLSTM1D", {**usual, **STATES}, [(2, 3, 5, 2)], **TIME),
        case("ConvLSTM3D", "ConvLSTM3D", {"filters": 2, "kernel_size": 2, "padding": "same"},
             [(2, 2, 3, 3, 2, 2)], **TIME),
    ]  # fmt: skip


CASES = [
    *_layers(),
    case("GRU, reset before", "GRU", {"units": 3, "reset_after": False, **STATES}, [SEQUENCE], **TIME),
    case("GRU, reset before, no bias", "GRU", {"units": 3, "reset_after": False, "use_bias": False},
         [SEQUENCE], **TIME),
    case("GRU, reset before, silu", "GRU",
         {"units": 3, "reset_after": False, "activation": "silu"}, [SEQUENCE], **TIME),
    case("LSTM, no forget bias", "LSTM", {"units": 3, "unit_forget_bias": False}, [SEQUENCE], **TIME),
    case("LSTM, without cuDNN", "LSTM", {"units": 3, "use_cudnn": False, **STATES}, [SEQUENCE],
         masks={0: BOOLS}, **TIME),
    case("GRU, without cuDNN", "GRU", {"units": 3, "use_cudnn": False, **STATES}, [SEQUENCE], **TIME),
    case("RNN of a cell", "RNN", {"cell": layer("LSTMCell", units=3), **STATES}, [SEQUENCE], **TIME),
    case("RNN of a stack", "RNN", {"cell": _CELLS, **STATES}, [SEQUENCE], **TIME),
    case("RNN of a stack, backwards", "RNN", {"cell": _CELLS, **STATES, "go_backwards": True},
         [SEQUENCE], **TIME),
    case("RNN of a stack, mask", "RNN", {"cell": _CELLS, **STATES}, [SEQUENCE], masks={0: BOOLS}, **TIME),
    case("RNN of a stack, unroll", "RNN", {"cell": _CELLS, "unroll": True}, [SEQUENCE]),
    case("RNN of unlike cells", "RNN", {"cell": _UNLIKE, **STATES}, [SEQUENCE], masks={0: BOOLS}, **TIME),
    case("RNN of unlike cells, last", "RNN", {"cell": _UNLIKE}, [SEQUENCE], **TIME),
    *_bidirectional(),
    *_convolutional(),
    case("TimeDistributed Dense", "TimeDistributed", {"layer": layer("Dense", units=2)}, [SEQUENCE],
         masks={0: BOOLS}, **TIME),
    case("TimeDistributed Conv2D", "TimeDistributed",
         {"layer": layer("Conv2D", filters=2, kernel_size=2)}, [IMAGES], **TIME),
    case("TimeDistributed LSTM", "TimeDistributed", {"layer": layer("LSTM", units=2)}, [(2, 3, 5, 2)],
         **TIME),
]  # fmt: skip
