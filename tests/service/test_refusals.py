"""Bad requests: each gets the right status, and a sentence that says what was expected."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from waterhorse.protos import classifier_pb2 as cpb
from waterhorse.protos import inference_pb2 as pb

Call = Callable[..., Any]
INVALID, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
THREE = struct.pack("<3f", 1, 2, 3)


def tensor(name: str = "x", datatype: str = "FP32", shape: Any = (1, 3), **more: Any) -> Any:
    return pb.ModelInferRequest.InferInputTensor(name=name, datatype=datatype, shape=shape, **more)


def infer(model: str = "plain", inputs: Any = None, raw: Any = (THREE,), **more: Any) -> Any:
    inputs = [tensor()] if inputs is None else inputs
    return pb.ModelInferRequest(model_name=model, inputs=inputs, raw_input_contents=raw, **more)


def typed(datatype: str, shape: Any = (1, 2), **contents: Any) -> Any:
    contents_of = pb.InferTensorContents(**contents)
    inputs = [tensor(datatype=datatype, shape=shape, contents=contents_of)]
    return infer(f"echo_{datatype}", inputs, raw=())


def output(name: str, **parameters: Any) -> Any:
    found = {k: pb.InferParameter(int64_param=v) for k, v in parameters.items()}
    return pb.ModelInferRequest.InferRequestedOutputTensor(name=name, parameters=found)


def strings(raw: bytes) -> Any:
    return infer("echo_BYTES", [tensor(datatype="BYTES", shape=(1, 2))], [raw])


ONE = pb.InferParameter(int64_param=1)
HUGE = 2**40
INFER: dict[str, tuple[Any, grpc.StatusCode, str]] = {
    "unknown model": (infer("nope"), NOT_FOUND, "model 'nope' is not found; there are ["),
    "empty name": (infer(""), NOT_FOUND, "model '' is not found"),
    "traversal": (infer("../secret"), NOT_FOUND, "'../secret' is not found"),
    "absolute path": (infer("/etc/passwd"), NOT_FOUND, "is not found"),
    "a link out": (infer("secret"), NOT_FOUND, "is not found"),
    "line break": (infer("a\nb"), NOT_FOUND, r"'a\nb'"),
    "very long name": (infer("x" * 100_000), NOT_FOUND, "xxx ..."),
    "unknown version": (infer(model_version="7"), NOT_FOUND, "no version 7; there are ['1']"),
    "version of words": (infer(model_version="abc"), INVALID, "a whole number above 0"),
    "version 0": (infer(model_version="0"), INVALID, "a whole number above 0"),
    "version -1": (infer(model_version="-1"), INVALID, "'-1': expected a whole number above 0"),
    "version beyond 64 bits": (infer(model_version="9" * 20), INVALID, "a whole number above 0"),
    "version of 5000 digits": (infer(model_version="9" * 5000), INVALID, "a whole number above 0"),
    "version path": (infer(model_version="../1"), INVALID, "a whole number above 0"),
    "no inputs": (infer(inputs=[], raw=()), INVALID, "input 'x' of model 'plain' is missing"),
    "unknown input": (
        infer(inputs=[tensor("XX")]),
        INVALID,
        "unexpected input 'XX' for model 'plain'; it takes ['x']",
    ),
    "input twice": (infer(inputs=[tensor(), tensor()], raw=(THREE, THREE)), INVALID, "given twice"),
    "one of two inputs": (
        infer("pair", [tensor("a", shape=(1, 2))], [THREE[:8]]),
        INVALID,
        "input 'n' of model 'pair' is missing",
    ),
    "wrong type": (
        infer(inputs=[tensor(datatype="FP64")], raw=(THREE * 2,)),
        INVALID,
        "input 'x' of model 'plain' is FP32 of shape [-1, 3]; got FP64 of shape [1, 3]",
    ),
    "unknown type": (
        infer(inputs=[tensor(datatype="FP31")]),
        INVALID,
        "unknown datatype 'FP31'; expected one of BOOL",
    ),
    "no type": (infer(inputs=[tensor(datatype="")]), INVALID, "unknown datatype ''"),
    "wrong shape": (
        infer(inputs=[tensor(shape=(3, 1))]),
        INVALID,
        "FP32 of shape [-1, 3]; got FP32 of shape [3, 1]",
    ),
    "wrong rank": (infer(inputs=[tensor(shape=(3,))]), INVALID, "got FP32 of shape [3]"),
    "no shape": (
        infer(inputs=[tensor(shape=())]),
        INVALID,
        "has 12 bytes; FP32 of shape [] needs 4",
    ),
    "negative dim": (infer(inputs=[tensor(shape=(-1, 3))]), INVALID, "dims are at least 0"),
    "two negative dims": (infer(inputs=[tensor(shape=(-1, -3))]), INVALID, "dims are at least 0"),
    "overflowing dims": (
        infer(inputs=[tensor(shape=(HUGE, HUGE))]),
        INVALID,
        "more than 2147483648 elements",
    ),
    "overflow to nothing": (infer(inputs=[tensor(shape=(2**32, 2**32))]), INVALID, "elements"),
    "no elements, huge dim": (
        infer(inputs=[tensor(shape=(0, 2**62))], raw=(b"",)),
        INVALID,
        "elements",
    ),
    "many dims": (infer(inputs=[tensor(shape=[1] * 70)], raw=(THREE[:4],)), INVALID, "at most 64"),
    "a byte too few": (
        infer(raw=(THREE[:-1],)),
        INVALID,
        "has 11 bytes; FP32 of shape [1, 3] needs 12",
    ),
    "a byte too many": (infer(raw=(THREE + b"\0",)), INVALID, "has 13 bytes"),
    "no bytes": (infer(raw=(b"",)), INVALID, "has 0 bytes"),
    "surplus raw": (infer(raw=(THREE, THREE)), INVALID, "2 raw_input_contents for 1 inputs"),
    "missing raw": (
        infer("pair", [tensor("a", shape=(1, 2)), tensor("n", "INT64", (1,))], [THREE[:8]]),
        INVALID,
        "1 raw_input_contents for 2 inputs",
    ),
    "raw and typed": (
        infer(inputs=[tensor(contents=pb.InferTensorContents(fp32_contents=[1, 2, 3]))]),
        INVALID,
        "contents beside raw_input_contents",
    ),
    "neither raw nor typed": (infer(raw=()), INVALID, "has 0 elements for shape [1, 3]"),
    "typed too few": (typed("FP32", fp32_contents=[1]), INVALID, "has 1 elements for shape [1, 2]"),
    "typed in the wrong field": (
        typed("FP32", fp64_contents=[1, 2]),
        INVALID,
        "belong in fp32_contents, not fp64_contents",
    ),
    "typed half precision": (
        typed("FP16", fp32_contents=[1, 2]),
        INVALID,
        "FP16 travels in raw_input_contents only",
    ),
    "typed beyond the type": (
        typed("INT8", int_contents=[1, 128]),
        INVALID,
        "elements outside of INT8",
    ),
    "typed no text": (typed("BYTES", bytes_contents=[b"a", b"\xff"]), INVALID, "no UTF-8 text"),
    "bool of 2": (
        infer("echo_BOOL", [tensor(datatype="BOOL", shape=(1, 2))], [b"\1\2"]),
        INVALID,
        "other than 0 and 1",
    ),
    "strings without length": (strings(b"\0\0"), INVALID, "no complete length"),
    "strings past the end": (
        strings(struct.pack("<I", 9) + b"abc"),
        INVALID,
        "9 bytes reaches past the end",
    ),
    "strings far past the end": (strings(b"\xff\xff\xff\xff"), INVALID, "past the end"),
    "strings too few": (
        strings(struct.pack("<I", 0)),
        INVALID,
        "1 BYTES elements for shape [1, 2]",
    ),
    "strings too many": (strings(struct.pack("<I", 0) * 3), INVALID, "3 BYTES elements"),
    "unknown output": (
        infer(outputs=[output("YY")]),
        INVALID,
        "unexpected output 'YY' for model 'plain'; it gives ['y']",
    ),
    "output twice": (infer(outputs=[output("y"), output("y")]), INVALID, "asked for twice"),
    "output parameter": (
        infer(outputs=[output("y", classification=3)]),
        INVALID,
        "the parameter 'classification'",
    ),
    "request parameter": (
        infer(parameters={"sequence_id": ONE}),
        INVALID,
        "the request has the parameter 'sequence_id'",
    ),
    "input parameter": (
        infer(inputs=[tensor(parameters={"shared_memory_region": ONE})]),
        INVALID,
        "'shared_memory_region'",
    ),
}


@pytest.mark.parametrize("case", INFER)
def test_infer(call: Call, case: str) -> None:
    request, code, fragment = INFER[case]
    with pytest.raises(grpc.RpcError) as caught:
        call("ModelInfer", request)
    assert caught.value.code() == code  # type: ignore[attr-defined]
    assert fragment in caught.value.details()  # type: ignore[attr-defined]


def instances(
    datatype: str = "FP32", shape: Any = (1, 3), raw: bytes = THREE, values: Any = ()
) -> Any:
    return cpb.Instances(datatype=datatype, shape=shape, raw=raw, values=values)


def classify(model: str = "plain", what: Any = None, **more: Any) -> Any:
    return cpb.ClassifyRequest(model=model, instances=what or instances(), **more)


NAN = struct.pack("<3f", 1, float("nan"), 1)
CLASSIFY: dict[str, tuple[Any, grpc.StatusCode, str]] = {
    "unknown model": (classify("nope"), NOT_FOUND, "model 'nope' is not found"),
    "unknown version": (classify(version="9"), NOT_FOUND, "no version 9"),
    "nothing": (
        cpb.ClassifyRequest(model="plain"),
        INVALID,
        "instances has 0 bytes; FP32 of shape [] needs 4",
    ),
    "one instance without batch": (
        classify(what=instances(shape=(3,))),
        INVALID,
        "put the number of instances first",
    ),
    "no batch at all": (
        classify(what=instances(shape=(), raw=THREE[:4])),
        INVALID,
        "number of instances first",
    ),
    "wrong shape": (
        classify(what=instances(shape=(3, 1))),
        INVALID,
        "FP32 of shape [-1, 3]; got FP32 of shape [3, 1]",
    ),
    "short": (
        classify(what=instances(raw=THREE[:8])),
        INVALID,
        "8 bytes; FP32 of shape [1, 3] needs 12",
    ),
    "raw and values": (classify(what=instances(values=[1, 2, 3])), INVALID, "both raw and values"),
    "values of another type": (
        classify(what=instances("INT32", raw=b"", values=[1, 2, 3])),
        INVALID,
        "values are FP32",
    ),
    "too few values": (
        classify(what=instances(raw=b"", values=[1, 2])),
        INVALID,
        "2 values for shape [1, 3]",
    ),
    "unknown type": (classify(what=instances("FLOAT")), INVALID, "unknown datatype 'FLOAT'"),
    "floats for integers": (
        classify("small"),
        INVALID,
        "instances are FP32; model 'small' takes INT32",
    ),
    "text for floats": (
        classify(what=instances("BYTES", (1, 3), struct.pack("<I", 0) * 3)),
        INVALID,
        "instances are BYTES",
    ),
    "integers beyond the type": (
        classify("small", instances("INT64", raw=struct.pack("<3q", 0, 0, 2**31))),
        INVALID,
        "numbers beyond INT32, which 'small' takes",
    ),
    "floats beyond the type": (
        classify(what=instances("FP64", raw=struct.pack("<3d", 0, 0, 1e300))),
        INVALID,
        "numbers beyond FP32",
    ),
    "two inputs": (classify("pair"), INVALID, "Classify works with models of one input"),
    "three dims": (
        classify("cube", instances(shape=(1, 2, 2), raw=THREE + THREE[:4])),
        INVALID,
        "'cube' is no classifier",
    ),
    "scalar model": (classify("scalar", instances(shape=(), raw=THREE[:4])), INVALID, "'scalar'"),
    "integer outputs": (
        classify("echo_INT32", instances("INT32", (1, 2), THREE[:8])),
        INVALID,
        "'echo_INT32' is no classifier",
    ),
    "NaN in": (
        classify(what=instances(raw=NAN)),
        grpc.StatusCode.INTERNAL,
        "gave NaN for instance 0",
    ),
    "NaN made": (
        classify("root", instances(shape=(2, 3), raw=THREE + struct.pack("<3f", 1, -1, 1))),
        grpc.StatusCode.INTERNAL,
        "gave NaN for instance 1",
    ),
    "infinite logits": (
        classify("root", instances(raw=struct.pack("<3f", 1, float("inf"), 1))),
        grpc.StatusCode.INTERNAL,
        "gave NaN",
    ),
}


@pytest.mark.parametrize("case", CLASSIFY)
def test_classify(call: Call, case: str) -> None:
    request, code, fragment = CLASSIFY[case]
    with pytest.raises(grpc.RpcError) as caught:
        call("Classify", request)
    assert caught.value.code() == code  # type: ignore[attr-defined]
    assert fragment in caught.value.details()  # type: ignore[attr-defined]


def test_labels_and_metadata_of_what_is_not_there(call: Call) -> None:
    for method, request in (
        ("Labels", cpb.LabelsRequest(model="nope")),
        ("ModelMetadata", pb.ModelMetadataRequest(name="nope")),
        ("ModelMetadata", pb.ModelMetadataRequest(name="digits", version="3")),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            call(method, request)
        assert caught.value.code() == NOT_FOUND  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("ModelStatistics", pb.ModelStatisticsRequest()),
        ("RepositoryModelLoad", pb.RepositoryModelLoadRequest(model_name="digits")),
        ("RepositoryIndex", pb.RepositoryIndexRequest(repository_name="other")),
    ],
)
def test_what_is_not_built_says_so(call: Call, method: str, request_: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        call(method, request_)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED  # type: ignore[attr-defined]


def test_an_unforeseen_failure_tells_nothing_internal(
    call: Call, server: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise OSError("/srv/private/path")

    monkeypatch.setattr(server.repository, "get", fail)
    with pytest.raises(grpc.RpcError) as caught:
        call("ModelInfer", infer())
    assert caught.value.code() == grpc.StatusCode.INTERNAL  # type: ignore[attr-defined]
    assert "private" not in caught.value.details()  # type: ignore[attr-defined]
    assert "/srv/private/path" in caplog.text


def test_garbage_bytes(channel: grpc.Channel) -> None:
    method = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
    with pytest.raises(grpc.RpcError) as caught:
        method(b"\xff\xff\xff", timeout=30)
    assert caught.value.code() == grpc.StatusCode.INTERNAL  # type: ignore[attr-defined]
