"""Dense layers, embeddings, masking, activations."""

from __future__ import annotations

from .cases import Given, case

_SEQUENCE, _ROWS = (2, 3, 4), (3, 5)
_TIME = {"dynamic": (1,), "lengths": (1, 6)}
_PREFIX = Given((3, 5), "prefix")
_CARRIED = "the harness gives a model masks as arguments, and the layer takes none"
_TOKENS = Given((2, 4), "integers", 6)


def einsum(name, equation, output_shape, shape, bias=None, **more):  # type: ignore[no-untyped-def]
    config = {"equation": equation, "output_shape": output_shape, "bias_axes": bias}
    options = {k: more.pop(k) for k in ("dynamic", "lengths") if k in more}
    return case(f"einsum_{name}", "EinsumDense", config | more, [shape], **options)


def table(name, config, inputs=_TOKENS, **more):  # type: ignore[no-untyped-def]
    return case(
        name, "Embedding", {"input_dim": 6, "output_dim": 3, **config}, [inputs],
        **{"dynamic": (1,), "lengths": (1, 7), **more},
    )  # fmt: skip


def reversible(name, config, inputs=_TOKENS, **more):  # type: ignore[no-untyped-def]
    return case(
        name, "ReversibleEmbedding", {"input_dim": 6, "output_dim": 3, **config}, [inputs],
        **{"dynamic": (1,), "lengths": (1, 7), **more},
    )  # fmt: skip


CASES = [
    case("dense", "Dense", {"units": 4, "activation": "tanh"}, [_ROWS]),
    case("dense_plain", "Dense", {"units": 4, "use_bias": False}, [_ROWS]),
    case("dense_sequence", "Dense", {"units": 3, "activation": "gelu"}, [_SEQUENCE], **_TIME),
    case("dense_4d", "Dense", {"units": 3}, [(2, 3, 2, 4)], dynamic=(1, 2), lengths=(4,)),
    case("dense_mask", "Dense", {"units": 3}, [(3, 5, 4)], masks={0: _PREFIX}, model=_CARRIED, dynamic=(1,)),
    case("dense_regularized", "Dense", {"units": 3, "activity_regularizer": "l2",
         "kernel_regularizer": "l1", "bias_regularizer": "l2"}, [_ROWS]),
    case("dense_integers", "Dense", {"units": 3}, [Given((3, 5), "integers", 9)]),
    case("dense_lora", "Dense", {"units": 4, "lora_rank": 2}, [_ROWS]),
    case("dense_lora_sequence", "Dense", {"units": 4, "lora_rank": 1, "activation": "relu"},
         [_SEQUENCE], **_TIME),
    einsum("matrix", "ab,bc->ac", 4, _ROWS, "c", activation="relu"),
    einsum("sequence", "abc,cd->abd", (None, 5), _SEQUENCE, "d", **_TIME),
    einsum("heads", "abc,cde->abde", (None, 2, 3), _SEQUENCE, "de", **_TIME),
    einsum("from_heads", "abcd,cde->abe", (None, 5), (2, 3, 2, 4), "e", **_TIME),
    einsum("no_bias", "abc,cd->abd", (3, 5), _SEQUENCE),
    einsum("bias_first", "abc,cd->abd", (3, 5), _SEQUENCE, "b"),
    einsum("bias_both", "abc,cd->abd", (3, 5), _SEQUENCE, "bd"),
    einsum("turned", "abc,cd->adb", (5, None), _SEQUENCE, "d", **_TIME),
    einsum("kernel_turned", "abc,dc->abd", (None, 5), _SEQUENCE, "d", **_TIME),
    einsum("middle", "abc,bd->adc", (5, 4), _SEQUENCE, "d"),
    einsum("shared_letter", "abc,bcd->abd", (3, 5), _SEQUENCE, "d"),
    einsum("ellipsis", "...x,xy->...y", 5, _SEQUENCE, "y", **_TIME),
    einsum("ellipsis_rows", "...x,xy->...y", 5, _ROWS, "y"),
    einsum("ellipsis_right", "ab...,bc->ac...", 5, (2, 3, 4, 2), "c", dynamic=(2,), lengths=(3,)),
    einsum("lora", "abc,cde->abde", (None, 2, 3), _SEQUENCE, "de", lora_rank=2, lora_alpha=5),
    table("embedding", {}),
    table("embedding_mask", {"mask_zero": True}),
    table("embedding_floats", {}, Given((2, 4), "bools"), gradients=False),
    table("embedding_regularized", {"embeddings_regularizer": "l2"}),
    table("embedding_lora", {"lora_rank": 2}),
    reversible("reversible", {}),
    reversible("reversible_mask", {"mask_zero": True}),
    reversible("reversible_back", {}, (2, 4, 3), kwargs={"reverse": True}),
    reversible("reversible_untied", {"tie_weights": False, "logit_soft_cap": 2.0}, (2, 4, 3),
               kwargs={"reverse": True}),
    case("masking", "Masking", {}, [(2, 3, 4)], **_TIME),
    case("masking_integers", "Masking", {"mask_value": 1}, [Given((5, 6, 1), "integers", 3)],
         gradients=False, **_TIME),
    case("identity", "Identity", {}, [_SEQUENCE], **_TIME),
    case("identity_mask", "Identity", {}, [(3, 5, 4)], masks={0: _PREFIX}, model=_CARRIED),
    case("activation", "Activation", {"activation": "silu"}, [_SEQUENCE], **_TIME),
    case("activation_mask", "Activation", {"activation": "elu"}, [(3, 5, 4)], masks={0: _PREFIX}, model=_CARRIED),
    case("relu", "ReLU", {}, [_SEQUENCE], **_TIME),
    case("relu_all", "ReLU", {"max_value": 1.5, "negative_slope": 0.2, "threshold": 0.3}, [(4, 9)]),
    case("leaky_relu", "LeakyReLU", {}, [_SEQUENCE]),
    case("leaky_relu_slope", "LeakyReLU", {"negative_slope": 0.05}, [_SEQUENCE]),
    case("elu", "ELU", {}, [_SEQUENCE]),
    case("elu_alpha", "ELU", {"alpha": 0.4}, [_SEQUENCE]),
    case("prelu", "PReLU", {}, [_SEQUENCE]),
    case("prelu_shared", "PReLU", {"shared_axes": [1, 2]}, [(2, 3, 4, 5)], dynamic=(1, 2), lengths=(4,)),
    case("prelu_one_shared", "PReLU", {"shared_axes": 1, "alpha_regularizer": "l2"}, [_SEQUENCE],
         **_TIME),
    case("softmax", "Softmax", {}, [_SEQUENCE], **_TIME),
    case("softmax_first", "Softmax", {"axis": 1}, [_SEQUENCE], **_TIME),
    case("softmax_axes", "Softmax", {"axis": [1, 2]}, [_SEQUENCE], **_TIME),
    case("softmax_mask", "Softmax", {}, [(3, 4, 6)], kwargs={"mask": Given((3, 4, 6), "bools")}),
    case("softmax_row_mask", "Softmax", {}, [(8, 4)], kwargs={"mask": Given((8, 1), "bools")}),
    case("softmax_number_mask", "Softmax", {"axis": [1, 2]}, [(3, 4, 6)],
         kwargs={"mask": Given((3, 4, 6), "uniform")}),
]  # fmt: skip
