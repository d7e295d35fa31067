"""The wire format: generated files are up to date, numbers stay, Triton's client may live beside."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from waterhorse.protos import classifier_pb2, inference_pb2

ROOT = Path(__file__).parents[2]

# As the protocol's own documents and clients have them. A change breaks every client there is.
NUMBERS = {
    "ModelReadyRequest": "name=1 version=2",
    "ServerMetadataResponse": "name=1 version=2 extensions=3",
    "ModelMetadataRequest": "name=1 version=2",
    "ModelMetadataResponse": "name=1 versions=2 platform=3 inputs=4 outputs=5 properties=6",
    "InferParameter": "bool_param=1 int64_param=2 string_param=3 double_param=4 uint64_param=5",
    "InferTensorContents": "bool_contents=1 int_contents=2 int64_contents=3 uint_contents=4 "
    "uint64_contents=5 fp32_contents=6 fp64_contents=7 bytes_contents=8",
    "ModelInferRequest": "model_name=1 model_version=2 id=3 parameters=4 inputs=5 outputs=6 "
    "raw_input_contents=7",
    "ModelInferResponse": "model_name=1 model_version=2 id=3 parameters=4 outputs=5 "
    "raw_output_contents=6",
    "ModelStreamInferResponse": "error_message=1 infer_response=2",
    "RepositoryIndexRequest": "repository_name=1 ready=2",
    "RepositoryModelLoadRequest": "repository_name=1 model_name=2 parameters=3",
    "ModelStatistics": "name=1 version=2 last_inference=3 inference_count=4 execution_count=5 "
    "inference_stats=6 batch_stats=7",
    "ModelConfig": "name=1 platform=2 max_batch_size=4 input=5 output=6 backend=17",
}


@pytest.mark.parametrize("message", NUMBERS)
def test_field_numbers(message: str) -> None:
    fields = inference_pb2.DESCRIPTOR.message_types_by_name[message].fields
    assert " ".join(f"{f.name}={f.number}" for f in fields) == NUMBERS[message]


def test_rpcs() -> None:
    oip = inference_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"]
    assert [m.name for m in oip.methods] == [
        "ServerLive", "ServerReady", "ModelReady", "ServerMetadata", "ModelMetadata", "ModelInfer",
        "ModelStreamInfer", "ModelConfig", "ModelStatistics", "RepositoryIndex",
        "RepositoryModelLoad", "RepositoryModelUnload",
    ]  # fmt: skip
    ours = classifier_pb2.DESCRIPTOR.services_by_name["Classifier"]
    assert (ours.full_name, [m.name for m in ours.methods]) == (
        "waterhorse.v1.Classifier",
        ["Classify", "Labels"],
    )


def test_generated_files_are_up_to_date(tmp_path: Path) -> None:
    (tmp_path / "waterhorse" / "protos").mkdir(parents=True)
    subprocess.run([ROOT / "scripts" / "protos", tmp_path], check=True, timeout=280)
    made = sorted((tmp_path / "waterhorse" / "protos").iterdir())
    assert len(made) == 4
    for path in made:
        committed = ROOT / "protos" / path.name
        assert committed.read_text() == path.read_text(), f"run scripts/protos: {path.name} is old"


# What tritonclient does at import: the package "inference" in the process's own descriptor pool.
OTHER = """
def other():
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    f = descriptor_pb2.FileDescriptorProto(name="grpc_service.proto", package="inference", syntax="proto3")
    f.message_type.add(name="ServerLiveRequest")
    m = f.message_type.add(name="ServerLiveResponse")
    m.field.add(name="live", number=1, type=8, label=1)
    f.service.add(name="GRPCInferenceService").method.add(
        name="ServerLive", input_type=".inference.ServerLiveRequest", output_type=".inference.ServerLiveResponse"
    )
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(f.SerializeToString())
    kind = message_factory.GetMessageClass(pool.FindMessageTypeByName("inference.ServerLiveResponse"))
    return kind(live=True).SerializeToString()

def ours():
    from waterhorse.protos import inference_pb2
    from waterhorse.service.server import reflection_pool
    found = reflection_pool().FindServiceByName("inference.GRPCInferenceService")
    assert len(found.methods) == 12, len(found.methods)
    return inference_pb2.ServerLiveResponse(live=True).SerializeToString()
"""


@pytest.mark.parametrize("order", ["other(), ours()", "ours(), other()"])
def test_another_package_named_inference_in_one_process(order: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{OTHER}\na, b = {order}\nassert a == b\nprint('together')"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.stdout == "together\n", done.stderr
