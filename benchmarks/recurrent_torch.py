"""The torch half of ``recurrent.py``, in a Python of its own: JSON lines in, JSON lines out."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch


class Net:
    """``torch.nn.LSTM`` with given weights, in ONNX's order of gates (input, output, forget, cell)."""

    def __init__(self, arrays: dict[str, np.ndarray[Any, Any]], layers: int, hidden: int) -> None:
        self.x, self.c = torch.tensor(arrays["x"]), torch.tensor(arrays["c"])
        self.lstm = torch.nn.LSTM(self.x.shape[-1], hidden, layers)
        self.hidden, self.layers = hidden, layers
        with torch.no_grad():
            for i in range(layers):
                bias = arrays[f"B{i}"][0].reshape(2, -1)
                for kind, value in (("weight_ih", arrays[f"W{i}"][0]), ("weight_hh", arrays[f"R{i}"][0]),
                                    ("bias_ih", bias[0]), ("bias_hh", bias[1])):  # fmt: skip
                    getattr(self.lstm, f"{kind}_l{i}").copy_(torch.tensor(self.swapped(value)))

    def swapped(self, value: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Iofc as ifco: torch's order."""
        i, o, f, c = np.split(value, 4)
        return np.concatenate([i, f, c, o])

    def back(self, value: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Torch's order as ONNX's."""
        i, f, c, o = np.split(value, 4)
        return np.concatenate([i, o, f, c])

    def forward(self) -> torch.Tensor:
        """The loss, ready for ``backward``."""
        y, _ = self.lstm(self.x)
        return (y * self.c).mean()

    def timed(self, rounds: int) -> dict[str, float]:
        """Seconds of one forward pass and of one backward pass, means of some rounds."""
        forward = backward = 0.0
        for _ in range(rounds):
            self.lstm.zero_grad()
            started = time.perf_counter()
            loss = self.forward()
            middle = time.perf_counter()
            loss.backward()
            forward += middle - started
            backward += time.perf_counter() - middle
        return {"forward": forward / rounds, "backward": backward / rounds}

    def gradients(self) -> dict[str, np.ndarray[Any, Any]]:
        """By ONNX's names and in ONNX's order; both biases have the same."""
        self.lstm.zero_grad()
        self.forward().backward()
        found = {}
        for i in range(self.layers):
            for kind, name in (("weight_ih", "W"), ("weight_hh", "R"), ("bias_ih", "B")):
                found[f"{name}{i}"] = self.back(getattr(self.lstm, f"{kind}_l{i}").grad.numpy())
        return found


def main() -> None:
    """Serve until standard input ends."""
    setup = json.loads(sys.stdin.readline())
    torch.set_num_threads(setup["threads"])
    net = Net(dict(np.load(setup["arrays"])), setup["layers"], setup["hidden"])
    np.savez(Path(setup["gradients"]), **net.gradients())
    print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
    for line in sys.stdin:
        print(json.dumps(net.timed(json.loads(line)["rounds"])), flush=True)


if __name__ == "__main__":
    main()
