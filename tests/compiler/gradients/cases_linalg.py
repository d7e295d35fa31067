"""Matrix products."""

from __future__ import annotations

from waterhorse.compiler import op

from .data import normal
from .harness import Case, case

CASES: list[Case] = [
    case("MatMul", op.MatMul, normal(2, 3), normal(3, 4)),
    case("MatMul", op.MatMul, normal(3), normal(3), label="dot"),
    case("MatMul", op.MatMul, normal(3), normal(3, 4), label="vector-matrix"),
    case("MatMul", op.MatMul, normal(2, 3), normal(3), label="matrix-vector"),
    case("MatMul", op.MatMul, normal(5, 2, 3), normal(3), label="batch-vector"),
    case("MatMul", op.MatMul, normal(3), normal(5, 3, 4), label="vector-batch"),
    case("MatMul", op.MatMul, normal(5, 2, 3), normal(3, 4), label="weight"),
    case("MatMul", op.MatMul, normal(5, 2, 3), normal(5, 3, 4), label="batch"),
    case("MatMul", op.MatMul, normal(5, 1, 2, 3), normal(4, 3, 2), label="batch-broadcast"),
    case("MatMul", op.MatMul, normal(2, 3), normal(5, 3, 4), label="matrix-batch"),
    case("MatMul", op.MatMul, normal(5, 2, 3), normal(3, 4), dims=(("n", "t", 3), (3, 4)),
         label="dynamic"),
    case("MatMul", op.MatMul, normal(5, 2, 3), normal(3, 4), dims=(("n", "t", "d"), ("d", 4)),
         label="dynamic-inner"),
    case("MatMul", op.MatMul, normal(1, 2, 3), normal(5, 3, 4), dims=(("n", 2, 3), ("m", 3, 4)),
         label="dynamic-batch"),
    *(
        case("Gemm", lambda a, b, c, ta=ta, tb=tb: op.Gemm(
                 a, b, c, transA=ta, transB=tb, alpha=0.5, beta=1.5),
             normal(*((3, 2) if ta else (2, 3))), normal(*((4, 3) if tb else (3, 4))), normal(4),
             label=f"{ta}{tb}")
        for ta in (0, 1) for tb in (0, 1)
    ),
    case("Gemm", op.Gemm, normal(2, 3), normal(3, 4), label="no-bias"),
    case("Gemm", op.Gemm, normal(2, 3), normal(3, 4), normal(2, 1), label="column"),
    case("Gemm", op.Gemm, normal(2, 3), normal(3, 4), normal(), label="scalar"),
    case("Gemm", op.Gemm, normal(2, 3), normal(3, 4), normal(1, 4), dims=(("n", 3), None, None),
         label="dynamic"),
    *(
        case("Einsum", lambda *xs, e=equation: op.Einsum(*xs, equation=e),
             *(normal(*shape) for shape in shapes), label=equation)
        for equation, shapes in {
            "ab,bc->ac": [(2, 3), (3, 4)], "bij, bjk -> bik": [(2, 3, 4), (2, 4, 2)],
            "ab->ba": [(2, 3)], "ab->a": [(2, 3)], "ab->": [(2, 3)], "a,b->ab": [(2,), (3,)],
            "ab,ab": [(2, 3), (2, 3)], "ij,jk": [(2, 3), (3, 2)], "ab,c->a": [(2, 3), (4,)],
            "ab,bc,cd->ad": [(2, 3), (3, 4), (4, 2)],
            # diagonals
            "ii->i": [(3, 3)], "ii": [(3, 3)], "bii->bi": [(2, 3, 3)], "ibi->b": [(3, 2, 3)],
            "iii->i": [(3, 3, 3)], "iijj->j": [(2, 2, 3, 3)], "iij,ik->jk": [(3, 3, 2), (3, 4)],
            "ii,ii->i": [(3, 3), (3, 3)], "ii,jj->": [(2, 2), (3, 3)], "ii,i": [(3, 3), (3,)],
            # ellipses
            "...ij,...jk->...ik": [(5, 2, 3), (5, 3, 2)], "...->...": [(2, 3)], "...i->...": [(2, 3)],
            "...ii->...i": [(2, 3, 3)], "i...->...": [(2, 3, 4)], "a...b,...b": [(2, 3, 4), (3, 4)],
            "...a,...a->...a": [(4, 1, 3), (1, 2, 3)], "...ij , jk": [(2, 5, 3), (3, 4)],
            "...i,...j->ij...": [(1, 3), (4, 2)], "b...,c->...": [(2, 3), (4,)],
            # many operands, scalars, upper case, stretched letters
            "a,a,ab,b->b": [(3,), (3,), (3, 2), (2,)], ",ab->b": [(), (2, 3)], ",->": [(), ()],
            "Ab,bA->A": [(2, 3), (3, 2)], "aA->Aa": [(2, 3)], "Ba,Ca->BC": [(2, 3), (4, 3)],
            "ab,a->b": [(3, 2), (1,)], "ij,jk->ik": [(2, 1), (3, 4)], "ab,ab->": [(3, 1), (1, 2)],
            "abc,cd->": [(2, 3, 2), (2, 3)],
        }.items()
    ),
    case("Einsum", lambda x, y: op.Einsum(x, y, equation="nd,df->f"), normal(4, 3), normal(3, 2),
         dims=((None, None), None), label="dynamic"),
    *(
        case("Einsum", lambda *xs, e=equation: op.Einsum(*xs, equation=e),
             *(normal(*shape) for shape in shapes), dims=dims, label=f"dynamic {equation}")
        for equation, shapes, dims in (
            ("bij,bjk->bik", [(2, 3, 4), (2, 4, 2)], (("b", "i", "j"), ("b", "j", "k"))),
            ("bii->bi", [(2, 3, 3)], (("b", "n", "n"),)), ("ii", [(3, 3)], ((None, None),)),
            ("ii->", [(20, 20)], None), ("ab->b", [(2, 3)], (("a", "b"),)),
            ("...a,...a->...", [(1, 3), (4, 3)], ((None, 3), (None, None))),
            ("...ij,jk->...ik", [(5, 2, 3), (3, 4)], (("n", "t", 3), None)),
            ("ab,bc->c", [(2, 1), (3, 4)], ((None, None), (None, None))),
        )
    ),
    *(case("Det", op.Det, normal(n, n), engine="reference", label=f"{n}") for n in (1, 2, 3, 4)),
    case("Det", op.Det, normal(2, 3, 3), engine="reference", label="batch"),
    case("Det", op.Det, normal(2, 3, 3, 3), engine="reference", label="dynamic",
         dims=((None, "b", None, None),)),
    case("Det", op.Det, normal(1, 1, 1), engine="reference", label="dynamic-one",
         dims=((None, None, None),)),
    case("Det", op.Det, normal(4, 3) @ normal(3, 4), engine="reference", label="singular"),
    case("Det", op.Det, normal(9, 9), engine="reference", label="large", smooth=False),
]  # fmt: skip
