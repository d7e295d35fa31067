"""Directional differences of a case's function against its gradient."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx

from waterhorse.errors import GradientError

from .cases import Array, Case
from .engines import ENGINES, Engine, Run, session

AWAY = (0.02, 0.1, 0.5, 1.0)  # how far other points are from the case's own
POINTS = 3 + len(AWAY)
SINGLE = 1e-5  # what float32 makes of a gradient, relative to the cotangents


@dataclass(frozen=True)
class Gradient:
    """The vector-Jacobian product of a case, ready to run.

    ``zero``: the inputs for which it is zero whatever the values are.
    """

    run: Run
    wrt: list[str]
    outputs: list[str]
    zero: set[str]


@dataclass(frozen=True)
class Point:
    """Where differences are taken: one input moved along one direction."""

    feeds: Mapping[str, Array]
    name: str
    direction: Array
    middle: Mapping[str, Array]
    moved: Mapping[float, Mapping[str, Array]]
    cotangents: Mapping[str, Array]


class Differences:
    """Compares one case's gradients.

    Args:
        own: the imported model.
        values: what it gave.
        forward: how these compared with what was expected.

    Raises ``GradientError`` where nothing can compute the function but the model in question.
    """

    def __init__(
        self, case: Case, own: onnx.ModelProto, values: Mapping[str, Array], gradient: Gradient,
        forward: str,
    ) -> None:  # fmt: skip
        self.case, self.gradient, self.drawn = case, gradient, forward == "random"
        # where onnxruntime differs from the case, or draws, what was computed is what counts
        known = values if forward in ("random", "runtime") else case.expected
        self.expected = {n: known[n] for n in gradient.outputs}
        self.rng = np.random.default_rng(zlib.crc32(case.name.encode()))
        self.engine, self.function = self._sound(own)

    def _sound(self, own: onnx.ModelProto) -> tuple[Engine, Run]:
        """The first engine that gives what is expected at the case's own point, and what we give elsewhere.

        The second keeps out what is right by chance: the reference implementation's L1 norm sums without
        taking absolute values, and the case has no negative numbers.
        """
        tried, found = [], []
        elsewhere = self._another(2)
        there = self._ours(own, elsewhere)
        for engine in ENGINES:
            if self.drawn and engine.dtype is np.float64:
                continue  # differences need the same draw every time, and only this can be seeded
            try:
                function = engine.build(self.case, own)
                here = function(self._feeds(self.case.feeds, engine))
                if not self._close(here, self.expected, engine):
                    tried.append(f"{engine.name}: other values")
                    continue
                found.append((engine, function))
                if self.drawn or there is None:
                    return engine, function
                if self._close(function(self._feeds(elsewhere, engine)), there, engine):
                    return engine, function
            except Exception as error:  # whatever an implementation does not have
                tried.append(f"{engine.name}: {' '.join(str(error).split())[:80]}")
        if not found:
            raise GradientError("nothing to compare with: " + "; ".join(tried))
        return found[0]

    def _ours(self, own: onnx.ModelProto, feeds: Mapping[str, Array]) -> Mapping[str, Array] | None:
        """What was imported, at another point; None where it is not defined there."""
        try:
            return session(own)(feeds)
        except Exception:  # onnxruntime's exceptions share no base
            return None

    def _close(
        self, found: Mapping[str, Array], expected: Mapping[str, Array], engine: Engine
    ) -> bool:
        for name in self.gradient.outputs:
            a, b = found[name], expected[name]
            if a.shape != b.shape or a.dtype != engine.dtype:
                return False
            near = 3e-2 if b.dtype.itemsize < 4 else max(1e-3, self.case.rtol)
            if not self.drawn and not np.allclose(
                a, b.astype(np.float64), near, near, equal_nan=True
            ):
                return False
        return True

    def _feeds(self, feeds: Mapping[str, Array], engine: Engine) -> dict[str, Array]:
        floats = {*self.case.floats([*feeds])}
        return {n: a.astype(engine.dtype) if n in floats else a for n, a in feeds.items()}

    # -- verdicts ---------------------------------------------------------------------------------

    def verdict(self, name: str) -> str:
        """On the gradient by one input: "right", "jittered", or what is wrong."""
        if self.case.feeds[name].size == 0:
            return "right"
        feeds, error = dict(self.case.feeds), ""
        for attempt in range(POINTS):
            if attempt:
                feeds = self._another(attempt - 1)
            error, smooth = self._compared(name, feeds)
            if not error:
                return "jittered" if attempt else "right"
            if smooth:
                return f"{'beside its point: ' if attempt else ''}{error}"
        return f"not smooth at {POINTS} points; {error}"

    def _another(self, attempt: int) -> dict[str, Array]:
        """Another point: first within the domain of the case (shrunk, grown), then further away."""
        found = dict(self.case.feeds)
        for n in self.gradient.wrt:
            x = found[n].astype(np.float64)
            x = np.where(np.isfinite(x), x, self.rng.normal(size=x.shape))
            if attempt < 2:
                moved = x * (1 + (-1, 1)[attempt] * self.rng.uniform(0.01, 0.05, x.shape))
            else:
                moved = x + self.rng.normal(size=x.shape) * AWAY[attempt - 2]
            found[n] = np.asarray(moved).astype(found[n].dtype)
        return found

    def _compared(self, name: str, feeds: dict[str, Array]) -> tuple[str, bool]:
        """What is wrong ("" for nothing), and whether the function is smooth at that point."""
        try:
            point = self._point(name, feeds)
        except ArithmeticError as error:
            return str(error), False
        got, size = self._pulled(point)
        large, small = self.engine.steps
        slopes = {h: self._slope(point.moved[h], point.moved[-h], point, 2 * h)
                  for h in self.engine.steps}  # fmt: skip
        expected, spread = slopes[small if self.engine.dtype is np.float64 else large]
        if not np.isfinite(got):
            finite = all(np.isfinite(a).all() for a in point.middle.values())
            return f"differences {expected:.6g}, rule {got}", finite and bool(np.isfinite(spread))
        if not np.isfinite(spread):
            return f"differences {expected}, rule {got:.6g}", False
        tolerance = self._tolerance() * (spread + size) + self._noise(point)
        if any(abs(got - slope) <= tolerance for slope, _ in slopes.values()):
            return "", True
        ahead, _ = self._slope(point.moved[small], point.middle, point, small)
        behind, _ = self._slope(point.middle, point.moved[-small], point, small)
        # of what is smooth, both sides of the point agree far better than a wrong rule with either
        near = max(0.02 * abs(got - expected), tolerance)
        bent = abs(ahead - behind) > near
        curved = abs(slopes[large][0] - slopes[small][0]) > 5 * near
        return f"differences {expected:.6g}, rule {got:.6g}", not (bent or curved)

    # -- parts ------------------------------------------------------------------------------------

    def _point(self, name: str, feeds: dict[str, Array]) -> Point:
        """Evaluate around a point. Raises ``ArithmeticError`` where the function does not exist there."""
        dtype, given = self.engine.dtype, self._feeds(feeds, self.engine)
        u = np.asarray(self.rng.normal(size=given[name].shape), dtype)
        u = np.where(np.isfinite(given[name]), u, dtype(0))
        try:
            middle = self.function(given)
            moved = {h: self.function({**given, name: np.asarray(given[name] + dtype(h) * u, dtype)})
                     for step in self.engine.steps for h in (step, -step)}  # fmt: skip
        except Exception as error:
            raise ArithmeticError(
                f"it fails nearby: {' '.join(str(error).split())[:80]}"
            ) from error
        for n, e in self.expected.items():
            a = middle[n]
            if any(v[n].shape != a.shape for v in moved.values()):
                raise ArithmeticError("the shape of the result changes")
            if a.shape == e.shape and (~np.isfinite(a) & np.isfinite(e.astype(np.float64))).any():
                raise ArithmeticError("outside of the domain")
        vs = {}
        for n in self.gradient.outputs:
            v = np.asarray(self.rng.normal(size=middle[n].shape))
            vs[n] = np.where(np.isfinite(middle[n]), v, 0).astype(dtype)
        return Point(feeds, name, u, middle, moved, vs)

    def _tolerance(self) -> float:
        low = min(self.case.feeds[n].dtype.itemsize for n in self.gradient.wrt)
        return max(self.engine.tolerance, 3e-2 if low == 2 else 0)

    def _noise(self, point: Point) -> float:
        """What rounding makes of a difference, and of a gradient in float32."""
        unit = np.finfo(self.engine.dtype).eps / min(self.engine.steps)
        total = 0.0
        for n, v in point.cotangents.items():
            kept = v != 0
            result = point.middle[n][kept].astype(np.float64)
            total += unit * float(np.linalg.norm(result * v[kept])) + SINGLE * float(
                np.linalg.norm(v.ravel())
            )
        return total

    def _slope(
        self, a: Mapping[str, Array], b: Mapping[str, Array], point: Point, span: float
    ) -> tuple[float, float]:
        """The directional derivative of the product with the cotangents, and the size of its terms."""
        total, squares = 0.0, 0.0
        for n, v in point.cotangents.items():
            kept = v != 0
            change = a[n][kept].astype(np.float64) - b[n][kept]
            terms = v[kept].astype(np.float64) * change / span
            total, squares = total + float(terms.sum()), squares + float((terms**2).sum())
        return total, float(np.sqrt(squares))

    def _pulled(self, point: Point) -> tuple[float, float]:
        """The same by the gradient."""
        name, u = point.name, point.direction
        seeds = {f"cotangent/{n}": v.astype(self.case.expected[n].dtype)
                 for n, v in point.cotangents.items()}  # fmt: skip
        try:
            dx = self.gradient.run({**point.feeds, **seeds})[f"grad/{name}"]
        except Exception as error:  # onnxruntime's exceptions share no base
            reason = " ".join(str(error).split())[:300]
            raise GradientError(f"onnxruntime fails in the gradient: {reason}") from error
        if dx.shape != u.shape:
            raise GradientError(f"onnxruntime fails in the gradient: by {name} it is {dx.shape}")
        terms = dx[u != 0].astype(np.float64) * u[u != 0]
        return float(terms.sum()), float(np.sqrt((terms**2).sum()))
