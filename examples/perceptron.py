"""The perceptron: one neuron that decides whether to go out, by hand and then by learning.

Rosenblatt 1957: inputs, weights that say how much each counts, a bias that says how easily the neuron
is convinced, and an activation that turns the sum into a decision.

    python examples/perceptron.py
"""

from __future__ import annotations

import numpy as np

import waterhorse as wh

# How strongly does it rain, how many friends come along, how much work is there? All from 0 to 1.
INPUTS = ("rain", "friends", "work")
WEIGHTS = np.array([-4.0, 6.0, -2.0], "float32")  # friends count most, rain and work speak against
BIAS = np.float32(-1.0)  # with nothing known we stay at home

EVENINGS = {
    "dry, all friends, no work": (0.0, 1.0, 0.0),
    "dry, alone, no work": (0.0, 0.0, 0.0),
    "pouring, all friends, much work": (1.0, 1.0, 1.0),
    "drizzle, most friends, some work": (0.3, 0.8, 0.5),
}


def step(x: wh.Tensor) -> wh.Tensor:
    """The first activation: fire or not. It has no slope, so nothing can be learned through it."""
    return wh.ops.cast(wh.ops.greater(x, 0.0), "float32")


def neuron(x: np.ndarray, weights: np.ndarray, bias: float, activation: object) -> np.ndarray:
    """``activation(x . weights + bias)`` for each row of ``x``."""
    total = wh.ops.matmul(x, weights) + bias
    return activation(total).numpy()  # type: ignore[operator]


def by_hand() -> dict[str, tuple[bool, float]]:
    """Decision (step) and confidence (sigmoid) for each evening, with weights set by hand."""
    x = np.array(list(EVENINGS.values()), "float32")
    decisions = neuron(x, WEIGHTS, BIAS, step)
    confidences = neuron(x, WEIGHTS, BIAS, wh.activations.sigmoid)
    return {
        name: (bool(d), float(c))
        for name, d, c in zip(EVENINGS, decisions, confidences, strict=True)
    }


def learned() -> tuple[float, np.ndarray, float]:
    """The same neuron, learned from 500 evenings that the hand-made one has judged."""
    wh.set_random_seed(1)
    x = np.random.default_rng(0).random((500, 3)).astype("float32")
    y = neuron(x, WEIGHTS, BIAS, step)
    model = wh.Sequential([wh.Input((3,)), wh.layers.Dense(1, activation="sigmoid")])
    model.compile(wh.optimizers.Adam(0.1), "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=60, verbose=0)
    accuracy = model.evaluate(x, y, verbose=0, return_dict=True)["accuracy"]
    kernel, bias = model.get_weights()
    return accuracy, kernel[:, 0], float(bias[0])


GATES = {"AND": [0, 0, 0, 1], "OR": [0, 1, 1, 1], "XOR": [0, 1, 1, 0]}
CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")


def gate(name: str, hidden: int = 0, epochs: int = 400) -> float:
    """The share of the four cases of a logic gate that a network gets right after training.

    With ``hidden=0`` it is one neuron, which separates by a straight line: enough for AND and OR, never
    for XOR (Minsky and Papert 1969). A hidden layer bends the line.
    """
    wh.set_random_seed(3)
    layers = [wh.Input((2,))]
    if hidden:
        layers.append(wh.layers.Dense(hidden, activation="tanh"))
    layers.append(wh.layers.Dense(1, activation="sigmoid"))
    model = wh.Sequential(layers)
    model.compile(wh.optimizers.Adam(0.05), "binary_crossentropy")
    targets = np.array(GATES[name], "float32")[:, None]
    model.fit(CORNERS, targets, epochs=epochs, batch_size=4, verbose=0)
    return float(np.mean((model.predict(CORNERS, verbose=0) > 0.5) == targets))


def main() -> None:
    """Print all of it."""
    print("By hand, weights", dict(zip(INPUTS, WEIGHTS.tolist(), strict=True)), "bias", float(BIAS))
    for evening, (go, confidence) in by_hand().items():
        print(f"  {evening:34} {'go out' if go else 'stay':7} sigmoid {confidence:.3f}")
    accuracy, kernel, bias = learned()
    print(f"Learned from 500 evenings, {accuracy:.1%} of them right")
    ratio = kernel / abs(kernel[0]) * 4
    rounded = {n: round(float(v), 2) for n, v in zip(INPUTS, ratio, strict=True)}
    print(
        f"  weights, scaled so that rain counts -4: {rounded}, bias {bias / abs(kernel[0]) * 4:.2f}"
    )
    for name in GATES:
        print(f"{name}: one neuron gets {gate(name):.0%} of the cases right")
    print(f"XOR with a hidden layer of 4: {gate('XOR', hidden=4):.0%}")


if __name__ == "__main__":
    main()
