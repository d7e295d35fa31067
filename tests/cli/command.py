"""The real command, run as a process; and the models and data that it is tried on."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import waterhorse as wh

SOURCES = str(Path(wh.__file__).parent.parent)
ENVIRONMENT = {**os.environ, "PYTHONPATH": SOURCES, "WATERHORSE_DEVICE": "cpu"}
COMMAND = [sys.executable, "-m", "waterhorse"]


def waterhorse(*arguments: object, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run and wait."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=folder,
        env=ENVIRONMENT,
    )


def succeeds(*arguments: object, folder: Path | None = None) -> str:
    """What a command that succeeds prints."""
    found = waterhorse(*arguments, folder=folder)
    assert found.returncode == 0, found.stderr + found.stdout
    return found.stdout


def refuses(*arguments: object, folder: Path | None = None) -> str:
    """The one sentence of a command that fails as it should."""
    found = waterhorse(*arguments, folder=folder)
    assert found.returncode == 1, (found.returncode, found.stdout, found.stderr)
    assert "Traceback" not in found.stderr
    (line,) = [x for x in found.stderr.splitlines() if x.startswith("error: ")]
    return line.removeprefix("error: ")


def on_a_terminal(*arguments: object, columns: int, folder: Path) -> str:
    """What is written to a terminal of this width."""
    main, worker = pty.openpty()
    environment = {**ENVIRONMENT, "COLUMNS": str(columns), "TERM": "xterm-256color"}
    with subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdout=worker, stderr=worker, cwd=folder, env=environment
    ) as process:
        os.close(worker)
        parts = []
        while True:
            try:
                part = os.read(main, 65536)
            except OSError:  # Linux says so where the other side is closed
                break
            if not part:
                break
            parts.append(part)
        assert process.wait() == 0
    os.close(main)
    return b"".join(parts).decode()


def weight(name: str, *shape: int, scale: float = 0.1) -> onnx.TensorProto:
    generator = np.random.default_rng(sum(map(ord, name)))
    return numpy_helper.from_array((generator.normal(size=shape) * scale).astype("float32"), name)


def value(name: str, kind: str, *shape: int | str | None) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, getattr(TensorProto, kind), list(shape))


def model(nodes, inputs, outputs, weights=(), opset: int = 13, **options) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, "graph", inputs, outputs, list(weights))
    imports = [helper.make_opsetid("", opset), *options.pop("imports", [])]
    made = helper.make_model(graph, opset_imports=imports, ir_version=8, **options)
    onnx.checker.check_model(made, full_check=not options.get("functions"))
    return made


def digits_model(batch: int | str = "batch") -> onnx.ModelProto:
    """A convnet for 8x8 digits as PyTorch would export it."""
    node = helper.make_node
    return model(
        [
            node("Conv", ["image", "conv.weight", "conv.bias"], ["c"], pads=[1, 1, 1, 1]),
            node("Relu", ["c"], ["d"]),
            node("MaxPool", ["d"], ["e"], kernel_shape=[2, 2], strides=[2, 2]),
            node("Flatten", ["e"], ["f"]),
            node("Gemm", ["f", "head.weight", "head.bias"], ["scores"], transB=1),
        ],
        [value("image", "FLOAT", batch, 1, 8, 8)],
        [value("scores", "FLOAT", batch, 10)],
        [weight("conv.weight", 8, 1, 3, 3), weight("conv.bias", 8), weight("head.weight", 10, 128),
         weight("head.bias", 10)],
        producer_name="someone",
    )  # fmt: skip
