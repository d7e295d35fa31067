"""Fourier transforms."""

from __future__ import annotations

import numpy as np

from waterhorse.compiler import op

from .data import normal
from .harness import Case, case

LENGTH, STEP = np.array(7), np.array(3)

CASES: list[Case] = [
    *(
        case("DFT", lambda x, n=length, i=inverse, s=onesided: op.DFT(
                 x, n, 1, inverse=i, onesided=s),
             normal(2, 5, 3, 2 if complex_ else 1),
             label=f"{'complex' if complex_ else 'real'}-{inverse}{onesided}-{length}")
        for complex_, inverse, onesided in (
            (0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0), (0, 0, 1)
        )
        for length in (None, 5, 4, 3, 8)
    ),
    # the kernel of the one-sided inverse is right only where length and bins belong together
    *(
        case("DFT", lambda x, n=length: op.DFT(x, n, -3, inverse=1, onesided=1), normal(2, 5, 2, 2),
             label=f"half-{length}", engine="double" if length in (None, 8, 9) else "reference",
             tolerance=1e-6)
        for length in (None, 8, 9, 4, 5, 10, 11)
    ),
    *(
        case("DFT", lambda x: op.DFT(x, None, -2, onesided=1), normal(2, n, 1), label=f"last-{n}")
        for n in (1, 2, 6, 7)
    ),
    case("DFT", op.DFT, normal(2, 3, 4, 2), label="no-axis"),
    case("DFT", lambda x: op.DFT(x, onesided=1), normal(2, 3, 4, 1), label="no-axis-half"),
    case("DFT", lambda x: op.DFT(x, None, 1, onesided=1), normal(2, 5, 3, 1),
         dims=((None, None, None, 1),), label="dynamic-half"),
    case("DFT", lambda x: op.DFT(x, None, 1, inverse=1, onesided=1), normal(2, 5, 2),
         dims=((None, None, 2),), label="dynamic-half-inverse"),
    case("DFT", lambda x: op.DFT(x, None, 1), normal(2, 5, 3, 1), dims=((None, "a", "b", None),),
         label="dynamic-last"),
    *(
        case("DFT", lambda x, n, s=onesided: op.DFT(x, n, 0, onesided=s), normal(length, 1), LENGTH,
             dims=((None, 1), ()), label=f"computed-{length}-{onesided}")
        for length in (5, 9) for onesided in (0, 1)
    ),
    *(
        case("STFT", lambda x, w, s=onesided: op.STFT(x, 3, w, onesided=s),
             normal(2, 20, 2 if complex_ else 1), normal(size),
             label=f"{'complex' if complex_ else 'real'}-{onesided}-{size}")
        for complex_ in (0, 1) for onesided in (0, 1) for size in (7, 8)
    ),
    case("STFT", lambda x: op.STFT(x, 2, None, 6), normal(2, 11, 1), label="no-window"),
    case("STFT", lambda x: op.STFT(x, 5), normal(1, 6, 1), label="one-frame", engine="reference"),
    case("STFT", lambda x, w: op.STFT(x, np.array(4, np.int32), w, np.array(6, np.int32)),
         normal(1, 17, 1), normal(6), label="int32"),
    case("STFT", op.STFT, normal(2, 17, 1), STEP, normal(6), label="computed",
         dims=((None, None, 1), (), (None,))),
    case("STFT", lambda x, w: op.STFT(x, 3, w), normal(2, 17, 2), normal(6), label="unknown-parts",
         dims=((None, None, None), (6,))),
    case("STFT", lambda x, n: op.STFT(x, 3, None, n), normal(2, 17, 1), LENGTH,
         label="computed-length", dims=((None, None, 1), ())),
]  # fmt: skip
