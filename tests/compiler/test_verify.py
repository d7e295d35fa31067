"""The verifier finds graphs that no well-behaved code makes."""

from __future__ import annotations

import numpy as np
import pytest

from waterhorse.compiler import ir, op
from waterhorse.compiler.infer import TensorType
from waterhorse.compiler.verify import verify
from waterhorse.errors import GraphError

FLOAT = np.dtype(np.float32)
KIND = TensorType(FLOAT, (2, 3))


def x() -> ir.Tensor:
    return ir.argument("x", KIND)


def node(name: str, *inputs: ir.Tensor, attrs: tuple = (), types: tuple = (KIND,)) -> ir.Tensor:
    return ir.Tensor(ir.Node(name, inputs, attrs, types), 0, types[0])


def test_good_graphs_pass() -> None:
    a = x()
    verify([op.Softmax(a, axis=0), op.Split(a, num_outputs=3, axis=1)[1], op.Dropout(a)])


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda: node("Softmx", x()), "no such operator"),
        (lambda: node("Call", x()), "not expanded"),
        (lambda: ir.placeholder("p", KIND), "placeholder"),
        (lambda: node("Relu", x(), attrs=(("alpha", 1.0),)), "no attribute"),
        (lambda: node("Softmax", x(), attrs=(("axis", -1),)), "normal form"),
        (lambda: node("Cast", x()), "needs the attribute"),
        (lambda: node("Add", x()), "1 operands"),
        (lambda: node("Relu", x(), types=(KIND, KIND)), "2 outputs"),
        (lambda: node("Relu", x(), types=(TensorType(FLOAT, (2, 4)),)), "the standard infers"),
        (lambda: node("Relu", x(), types=(TensorType(FLOAT, (2,)),)), "the standard infers"),
        (lambda: node("Relu", x(), types=(TensorType(np.dtype(np.float64), (2, 3)),)), "infers"),
        (lambda: node("MatMul", x(), x()), "do not fit"),
        (lambda: node("Relu", ir.Tensor(x().node, 1, KIND)), "output 1"),
        (lambda: node("Relu", ir.Tensor(x().node, 0, TensorType(FLOAT, (3, 3)))), "is taken for"),
        (lambda: node("Relu", "x"), "no Tensor"),
        (lambda: node("Argument"), "stands for"),
    ],
)  # fmt: skip
def test_broken_graphs_are_found(broken, said) -> None:
    with pytest.raises(GraphError, match=said):
        verify([op.Neg(ir.Tensor(broken().node, 0, KIND)) if said == "2 outputs" else broken()])


def test_equal_nodes_must_be_one() -> None:
    a = x()
    twin = node("Relu", a)
    verify([twin])
    with pytest.raises(GraphError, match="equal node"):
        verify([op.Relu(a), twin])


def test_cycles_are_found() -> None:
    a = node("Relu", x())
    b = node("Neg", a)
    object.__setattr__(a.node, "inputs", (b,))
    with pytest.raises(GraphError, match="depends on itself"):
        verify([b])


def test_data_must_be_what_it_says() -> None:
    wrong = ir.Node("Data", (), (), (KIND,), ir.Content(np.zeros((3, 2), np.float32)))
    with pytest.raises(GraphError, match="holds shape"):
        verify([ir.Tensor(wrong, 0, KIND)])


def test_the_message_names_operator_and_line() -> None:
    good = op.Relu(x())
    object.__setattr__(good.node, "types", (TensorType(FLOAT, (9, 9)),))
    with pytest.raises(GraphError, match=r"Relu.*test_verify\.py:\d+"):
        verify([ir.Tensor(good.node, 0, good.node.types[0])])
