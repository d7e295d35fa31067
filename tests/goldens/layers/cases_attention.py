"""Attention with and without projections."""

from __future__ import annotations

from .cases import Given, case

_Q, _V, _K = (3, 4, 6), (3, 5, 6), (3, 5, 6)
_TIME = {"dynamic": (1,), "lengths": (1, 7)}
_QM, _VM = Given((3, 4), "prefix"), Given((3, 5), "prefix")
_MANY = "the harness gives a model one mask"
_SCORES, _CAUSAL = {"return_attention_scores": True}, {"use_causal_mask": True}


def plain(name, layer, config, inputs=(_Q, _V), **more):  # type: ignore[no-untyped-def]
    return case(f"{layer.lower()}_{name}", layer, config, list(inputs), form="list", **more)


def heads(name, config=None, inputs=(_Q, _V), layer="MultiHeadAttention", **more):  # type: ignore[no-untyped-def]
    own = {"num_heads": 2, "key_dim": 3}
    if layer == "GroupQueryAttention":
        own = {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}
    return case(
        f"{layer.lower()}_{name}", layer, own | (config or {}), list(inputs), form="args", atol=4e-6,
        why="the gradient of the key's bias is 0: what remains is what both round off", **more,
    )  # fmt: skip


def _both(layer):  # type: ignore[no-untyped-def]
    def made(name, config=None, inputs=(_Q, _V), **more):  # type: ignore[no-untyped-def]
        return heads(name, config, inputs, layer, **more)

    attended = Given((3, 4, 5), "bools")
    return [
        made("plain", **_TIME),
        made("key", inputs=(_Q, (3, 5, 6), (3, 5, 2)), **_TIME),
        made("scores", kwargs=_SCORES, **_TIME),
        made("no_bias", {"use_bias": False}),
        made("gate", {"use_gate": True}, **_TIME),
        made("causal", kwargs=_CAUSAL, **_TIME),
        made("causal_scores", kwargs=_CAUSAL | _SCORES),
        made("window", {"sliding_window": 2}, kwargs=_SCORES, **_TIME),
        made("window_causal", {"sliding_window": 2}, inputs=(_V, _V), kwargs=_CAUSAL),
        made("attention_mask", kwargs={"attention_mask": attended}),
        made("attention_mask_scores", kwargs={"attention_mask": attended} | _SCORES),
        made("attention_mask_heads", kwargs={"attention_mask": Given((3, 1, 4, 5), "bools")} | _SCORES),
        made("attention_mask_causal", kwargs={"attention_mask": attended} | _CAUSAL | _SCORES),
        made("value_mask", kwargs={"value_mask": _VM} | _SCORES),
        made("masks", masks={0: _QM, 1: _VM}, kwargs=_SCORES, model=_MANY),
        # torch's gradients of rows that look at nothing are wrong: too large by the number of keys
        made("masks_causal", masks={0: _QM, 1: _VM}, kwargs=_CAUSAL, model=_MANY, gradients=False),
        made("query_mask", masks={0: _QM}, model=_MANY, gradients=False),
        made("dropout", {"dropout": 0.5}, kwargs=_CAUSAL),
        made("regularized", {"kernel_regularizer": "l2", "bias_regularizer": "l1",
                             "activity_regularizer": "l2"}),
    ]  # fmt: skip


CASES = [
    plain("plain", "Attention", {}, **_TIME),
    plain("scale", "Attention", {"use_scale": True}, **_TIME),
    plain("key", "Attention", {}, (_Q, (3, 5, 2), _K), **_TIME),
    plain("concat", "Attention", {"score_mode": "concat"}, **_TIME),
    plain("concat_scale", "Attention", {"score_mode": "concat", "use_scale": True}),
    plain("scores", "Attention", {}, kwargs=_SCORES, **_TIME),
    plain("causal", "Attention", {}, kwargs=_CAUSAL | _SCORES, **_TIME),
    plain("masks", "Attention", {}, masks={0: _QM, 1: _VM}, kwargs=_SCORES, model=_MANY),
    plain("masks_causal", "Attention", {"use_scale": True}, masks={0: _QM, 1: _VM}, kwargs=_CAUSAL,
          model=_MANY),
    plain("value_mask", "Attention", {}, masks={1: _VM}, model=_MANY),
    plain("dropout", "Attention", {"dropout": 0.5}),
    plain("plain", "AdditiveAttention", {}, **_TIME),
    plain("no_scale", "AdditiveAttention", {"use_scale": False}, **_TIME),
    plain("key", "AdditiveAttention", {}, (_Q, (3, 5, 2), _K)),
    plain("causal", "AdditiveAttention", {}, kwargs=_CAUSAL | _SCORES),
    plain("masks", "AdditiveAttention", {}, masks={0: _QM, 1: _VM}, model=_MANY),
    *_both("MultiHeadAttention"),
    heads("value_dim", {"value_dim": 5}, **_TIME),
    heads("output_shape", {"output_shape": 7}),
    heads("output_shapes", {"output_shape": [2, 3]}),
    heads("one", {"num_heads": 1}),
    heads("images", {}, ((2, 3, 4, 6), (2, 2, 3, 6)), kwargs=_SCORES, dynamic=(1, 2), lengths=(2,)),
    heads("rows", {"attention_axes": 2}, ((2, 3, 4, 6), (2, 3, 2, 6)), dynamic=(2,), lengths=(3,)),
    heads("rows_mask", {"attention_axes": [2]}, ((2, 3, 4, 6), (2, 3, 2, 6)),
          kwargs={"attention_mask": Given((2, 3, 4, 2), "bools")}),
    heads("columns", {"attention_axes": -3}, ((2, 3, 4, 6), (2, 5, 4, 6))),
    heads("images_mask", {}, ((2, 3, 2, 6), (2, 2, 3, 6)),
          kwargs={"attention_mask": Given((2, 3, 2, 2, 3), "bools")} | _SCORES),
    *_both("GroupQueryAttention"),
    heads("one_key", {"num_key_value_heads": 1}, layer="GroupQueryAttention", **_TIME),
    heads("all_keys", {"num_key_value_heads": 4}, layer="GroupQueryAttention", kwargs=_SCORES),
]  # fmt: skip
