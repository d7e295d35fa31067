"""Pictures of models: what is in them, and that nothing in them covers anything else.

The pictures are read as any program would read them: as XML. Texts are measured with a real font.
"""

import re
import sys
import xml.etree.ElementTree as ET
from itertools import combinations, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import pytest

import waterhorse as wh
from waterhorse import layers as L
from waterhorse.errors import ArgumentError
from waterhorse.runtime.drawing.layout import place
from waterhorse.runtime.drawing.picture import Box as Drawn
from waterhorse.runtime.drawing.picture import Link, Picture
from waterhorse.runtime.drawing.svg import write

SVG = "{http://www.w3.org/2000/svg}"
DIRECTIONS = ("TB", "LR", "BT", "RL")


# -- models ----------------------------------------------------------------------------------------


def chain() -> wh.Model:
    model = wh.Sequential([
        wh.Input((28, 28, 1), name="image"), L.Conv2D(8, 3, activation="relu", name="conv"),
        L.MaxPooling2D(2, name="pool"), L.Flatten(name="flat"), L.Dense(10, name="dense"),
    ])  # fmt: skip
    model.compile("adam", wh.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def siamese() -> wh.Model:
    encoder = wh.Sequential([wh.Input((16,)), L.Dense(8, name="first"), L.Dense(4, name="second")],
                            name="encoder")  # fmt: skip
    a, b = wh.Input((16,), name="left"), wh.Input((16,), name="right")
    ea, eb = encoder(a), encoder(b)
    d = L.Subtract(name="sub")([ea, eb])
    y = L.Dense(1, name="out")(L.Concatenate(name="join")([d * d, ea]))
    model = wh.Model([a, b], y, name="siamese")
    model.compile("sgd", "mse")
    return model


def skips() -> wh.Model:
    x = wh.Input((8, 8, 3), name="x")
    h = L.Conv2D(4, 3, padding="same", name="stem")(x)
    for i in range(2):
        parts = [L.Conv2D(4, k, padding="same", name=f"conv{i}{k}")(h) for k in (1, 3, 5)]
        parts[2] = L.Conv2D(4, 3, padding="same", name=f"deep{i}")(parts[2])
        h = L.Add(name=f"add{i}")(
            [h, L.Conv2D(4, 1, name=f"mix{i}")(L.Concatenate(name=f"join{i}")(parts))]
        )
    ends = [
        L.Dense(10, name="classes")(L.GlobalAveragePooling2D(name="mean")(h)),
        L.Conv2D(1, 1, name="mask")(h),
    ]
    model = wh.Model(x, ends)
    model.compile("adam", ["mse", "mse"])
    return model


class Branches(wh.Model):
    def __init__(self) -> None:
        super().__init__(name="branches")
        self.embed = L.Embedding(10, 8, name="embed")
        self.a, self.b, self.end = L.Dense(6, name="a"), L.Dense(6, name="b"), L.LSTM(5, name="end")

    def call(self, x):
        x = self.embed(x)
        return self.end(self.a(x) + self.b(x))


def branches() -> wh.Model:
    model = Branches()
    model(np.zeros((2, 3), "int64"))
    model.compile("adam", "mse")
    return model


MODELS = {f.__name__: f for f in (chain, siamese, skips, branches)}


# -- reading pictures ------------------------------------------------------------------------------


class Box(NamedTuple):
    x0: float
    y0: float
    x1: float
    y1: float

    def holds(self, x: float, y: float, slack: float = 0.5) -> bool:
        return self.x0 - slack <= x <= self.x1 + slack and self.y0 - slack <= y <= self.y1 + slack

    def meets(self, other: "Box") -> bool:
        return (
            self.x0 < other.x1 and other.x0 < self.x1 and self.y0 < other.y1 and other.y0 < self.y1
        )


def rectangles(root: ET.Element, kind: str) -> list[Box]:
    found = []
    for r in root.iter(f"{SVG}rect"):
        if r.get("class") == kind:
            x, y, w, h = (float(r.get(k, "nan")) for k in ("x", "y", "width", "height"))
            found.append(Box(x, y, x + w, y + h))
    return found


def texts(root: ET.Element) -> list[tuple[str, Box, bool]]:
    """Each text with the box that it covers in DejaVu Sans, and whether it is a title."""
    import matplotlib as mpl
    from PIL import ImageFont

    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    fonts = {True: ImageFont.truetype(str(folder / "DejaVuSans-Bold.ttf"), 130),
             False: ImageFont.truetype(str(folder / "DejaVuSans.ttf"), 110)}  # fmt: skip
    found = []
    for t in root.iter(f"{SVG}text"):
        title = t.get("class") == "title"
        x, y = float(t.get("x", "nan")), float(t.get("y", "nan"))
        wide = fonts[title].getlength(t.text or "") / 10
        left = {"middle": x - wide / 2, "start": x, "end": x - wide}[t.get("text-anchor", "start")]
        found.append((t.text or "", Box(left, y - 10, left + wide, y + 3), title))
    return found


def ways(root: ET.Element, kind: str) -> list[list[tuple[float, float]]]:
    """Links with corners, as the points that they go through."""
    found = []
    for p in root.iter(f"{SVG}path"):
        if p.get("class") == f"to-{kind}":
            numbers = [float(n) for n in re.findall(r"-?\d+\.\d", p.get("d", ""))]
            found.append(list(zip(numbers[::2], numbers[1::2], strict=True)))
    return found


def crossed(way: list[tuple[float, float]], box: Box) -> bool:
    """Whether a way of straight pieces goes through a box in which it neither begins nor ends."""
    if box.holds(*way[0]) or box.holds(*way[-1]):
        return False
    for (x0, y0), (x1, y1) in pairwise(way):
        if Box(min(x0, x1), min(y0, y1), max(x0, x1) + 0.01, max(y0, y1) + 0.01).meets(box):
            return True
    return False


def check_tidy(svg: str) -> ET.Element:
    """Every text is within its box, no two boxes or texts meet, and links go round the boxes."""
    root = ET.fromstring(svg)
    cards, frames = rectangles(root, "card"), rectangles(root, "frame")
    page = Box(0, 0, float(root.get("width", "0")), float(root.get("height", "0")))
    assert cards
    for a, b in combinations(cards, 2):
        assert not a.meets(b), (a, b)
    for a, b in combinations(frames, 2):
        inside = all(a.holds(x, y) for x, y in ((b.x0, b.y0), (b.x1, b.y1)))
        outside = all(b.holds(x, y) for x, y in ((a.x0, a.y0), (a.x1, a.y1)))
        assert inside or outside or not a.meets(b)
    written = texts(root)
    for text, box, _ in written:
        assert any(all(c.holds(x, y) for x, y in ((box.x0, box.y0), (box.x1, box.y1)))
                   for c in (*cards, *frames)), text  # fmt: skip
    for (_, a, _), (_, b, _) in combinations(written, 2):
        assert not a.meets(b)
    free = [b for _, b, _ in written if not any(c.holds(b.x0, b.y0) for c in cards)]
    assert len(free) == len(frames)  # their titles
    assert not [c for c in cards for title in free if c.meets(title)]
    for way in (*ways(root, "data"), *ways(root, "gradient")):
        assert not [title for title in free if crossed(way, title)]
        assert all(page.holds(x, y) for x, y in way)
        assert not [c for c in cards if crossed(way, c)]
    return root


def arrows(root: ET.Element, kind: str) -> set[tuple[str, str]]:
    """Links as pairs of titles: the boxes in which they begin and end."""
    titles = [(box, t) for t, box, title in texts(root) if title]
    cards = rectangles(root, "card")

    def title_at(point: tuple[float, float]) -> str:
        (card,) = (c for c in cards if c.holds(*point))
        (title,) = (t for box, t in titles if card.holds(box.x0, box.y0))
        return title

    return {(title_at(w[0]), title_at(w[-1])) for w in ways(root, kind)}


# -- pictures --------------------------------------------------------------------------------------


@pytest.mark.parametrize("gradients", [False, True])
@pytest.mark.parametrize("rankdir", DIRECTIONS)
@pytest.mark.parametrize("name", list(MODELS))
def test_nothing_covers_anything_else(name: str, rankdir: str, gradients) -> None:
    drawing = wh.utils.plot_model(
        MODELS[name](), None, show_shapes=True, show_dtype=True, show_layer_names=True,
        rankdir=rankdir, expand_nested=True, show_layer_activations=True, show_trainable=True,
        show_gradients=gradients,
    )  # fmt: skip
    check_tidy(drawing.svg)


@pytest.mark.parametrize("rankdir", DIRECTIONS)
def test_any_graph_is_laid_out_tidily(rankdir: str) -> None:
    generator = np.random.default_rng(0)
    for size in (1, 2, 5, 12, 25, 40):
        boxes = [Drawn(f"b{i}", "x" * int(generator.integers(1, 30)), ["y"] * int(generator.integers(0, 4)))
                 for i in range(size)]  # fmt: skip
        links = [Link(boxes[i], boxes[j]) for j in range(1, size)
                 for i in generator.choice(j, size=min(j, int(generator.integers(0, 4))), replace=False)]  # fmt: skip
        picture = Picture(boxes, links)
        place(picture, rankdir)
        check_tidy(write(picture))


def test_the_picture_has_the_links_of_the_model() -> None:
    drawing = wh.utils.plot_model(skips(), None, show_layer_names=True)
    found = {(a.split(" ")[0], b.split(" ")[0]) for a, b in arrows(check_tidy(drawing.svg), "data")}
    expected = {("x", "stem"), ("add1", "mean"), ("mean", "classes"), ("add1", "mask")}
    for i, before in enumerate(("stem", "add0")):
        expected |= {(before, f"conv{i}{k}") for k in (1, 3, 5)} | {(before, f"add{i}")}
        expected |= {(f"conv{i}1", f"join{i}"), (f"conv{i}3", f"join{i}"), (f"conv{i}5", f"deep{i}"),
                     (f"deep{i}", f"join{i}"), (f"join{i}", f"mix{i}"), (f"mix{i}", f"add{i}")}  # fmt: skip
    assert found == expected


def test_subclasses_are_drawn_from_what_they_do() -> None:
    root = check_tidy(wh.utils.plot_model(branches(), None, show_layer_names=True).svg)
    assert arrows(root, "data") == {
        ("input (InputLayer)", "embed (Embedding)"), ("embed (Embedding)", "a (Dense)"),
        ("embed (Embedding)", "b (Dense)"), ("a (Dense)", "Add"), ("b (Dense)", "Add"),
        ("Add", "end (LSTM)"),
    }  # fmt: skip


def test_nested_models_are_frames_when_asked_for() -> None:
    plain = ET.fromstring(wh.utils.plot_model(siamese(), None).svg)
    assert not rectangles(plain, "frame")
    root = ET.fromstring(wh.utils.plot_model(siamese(), None, expand_nested=True).svg)
    frames = rectangles(root, "frame")
    assert len(frames) == 2  # the encoder is called twice
    assert "stroke-dasharray" in re.search(r"\.frame\{([^}]*)\}", root.find(f"{SVG}style").text)[1]
    inner = [t for t, box, _ in texts(root) if any(f.holds(box.x0, box.y0) for f in frames)]
    assert sorted(inner) == ["Dense"] * 4 + ["Sequential"] * 2 + ["input"] * 2


def test_what_boxes_say() -> None:
    def said(**options) -> set[str]:
        return {
            t for t, *_ in texts(ET.fromstring(wh.utils.plot_model(chain(), None, **options).svg))
        }

    assert said() == {"image", "Conv2D", "MaxPooling2D", "Flatten", "Dense"}
    assert "conv (Conv2D)" in said(show_layer_names=True)
    shapes = said(show_shapes=True)
    assert {"Input shape: (None, 28, 28, 1)", "Output shape: (None, 26, 26, 8)"} <= shapes
    assert "Output dtype: float32" in said(show_dtype=True)
    assert "Activation: relu" in said(show_layer_activations=True)
    assert "Trainable: True" in said(show_trainable=True)


# -- gradients -------------------------------------------------------------------------------------


def test_gradients_go_back_where_there_are_weights() -> None:
    root = check_tidy(
        wh.utils.plot_model(chain(), None, show_layer_names=True, show_gradients=True).svg
    )
    there = {(a, b) for a, b in arrows(root, "data") if "image" not in a and b != "loss"}
    back = arrows(root, "gradient")
    assert back == {(f"∂ {b}", f"∂ {a}") for a, b in there} | {("loss", "∂ dense (Dense)")}


def test_frozen_layers_have_no_gradient() -> None:
    model = chain()
    for name in ("conv",):
        model.get_layer(name).trainable = False
    model.compile("sgd", "mse")
    root = ET.fromstring(
        wh.utils.plot_model(model, None, show_layer_names=True, show_gradients=True).svg
    )
    assert {t for t, *_ in texts(root) if t.startswith("∂")} == {
        "∂ dense (Dense)",
        "∂ kernel",
        "∂ bias",
    }


def test_the_picture_of_nodes_has_those_of_the_graph(tmp_path: Path) -> None:
    model = wh.Sequential(
        [wh.Input((4,), name="x"), L.Dense(3, "tanh", name="a"), L.Dense(2, name="b")]
    )
    model.compile("sgd", "mse")
    model.export(tmp_path / "model.onnx")
    ops = sorted(n.op_type for n in onnx.load(tmp_path / "model.onnx").graph.node)
    root = check_tidy(wh.utils.plot_model(model, None, level="nodes", show_shapes=True).svg)
    said = [t for t, _, title in texts(root) if title]
    assert sorted(said) == sorted([*ops, "x", "b"])
    root = ET.fromstring(wh.utils.plot_model(model, None, level="nodes", show_gradients=True).svg)
    said = [t for t, _, title in texts(root) if title]
    assert {f"∂ {v.path}" for v in model.trainable_weights} <= set(said)
    for a, b in combinations(rectangles(root, "card"), 2):
        assert not a.meets(b)


def test_a_picture_changes_nothing() -> None:
    model = chain()
    model.compile(
        "sgd", wh.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
    )
    wh.utils.plot_model(model, None, show_gradients=True)
    history = model.fit(np.ones((4, 28, 28, 1)), np.zeros(4, "int64"), verbose=0).history
    assert set(history) == {"accuracy", "loss"}


# -- files, text, errors ---------------------------------------------------------------------------


def test_files_and_notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = wh.utils.plot_model(chain(), tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text(encoding="utf-8") == drawing.svg == drawing._repr_svg_()
    monkeypatch.setitem(sys.modules, "cairosvg", None)
    with pytest.raises(ArgumentError, match=r"cairosvg.*model\.svg"):
        wh.utils.plot_model(chain(), tmp_path / "a.png")
    with pytest.raises(ArgumentError, match=r"\.svg, \.png or \.pdf"):
        wh.utils.plot_model(chain(), tmp_path / "a.bmp")
    assert [p.name for p in tmp_path.iterdir()] == ["a.svg"]


def test_dots_per_inch_are_for_png(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Converter:
        @staticmethod
        def svg2png(bytestring: bytes, scale: float) -> bytes:
            return f"{scale} {bytestring[:4].decode()}".encode()

    monkeypatch.setitem(sys.modules, "cairosvg", Converter)
    wh.utils.plot_model(chain(), tmp_path / "a.png", dpi=192)
    assert (tmp_path / "a.png").read_text() == "2.0 <svg"


def test_names_are_escaped() -> None:
    model = wh.Sequential([wh.Input((2,), name='<"&>'), L.Dense(1, name="a<b")], name='m"<')
    root = ET.fromstring(wh.utils.plot_model(model, None, show_layer_names=True).svg)
    assert {t for t, *_ in texts(root)} == {'<"&> (InputLayer)', "a<b (Dense)"}
    assert r"\"" in wh.utils.model_to_dot(model).to_string()


def test_text_for_graphviz(tmp_path: Path) -> None:
    dot = wh.utils.model_to_dot(siamese(), expand_nested=True, rankdir="LR", dpi=96)
    text = dot.to_string()
    assert str(dot) == text
    dot.write(tmp_path / "a.dot")
    assert (tmp_path / "a.dot").read_text() == text
    assert text.count("{") == text.count("}") == 3
    assert "rankdir=LR, dpi=96" in text
    labels = dict(re.findall(r'^ +(\w+) \[label="([^"]*)"', text, re.MULTILINE))
    links = {(labels[a], labels[b]) for a, b in re.findall(r"(\w+) -> (\w+);", text)}
    assert ("left (InputLayer)", "input (InputLayer)") in links
    assert ("second (Dense)", "sub (Subtract)") in links
    part = wh.utils.model_to_dot(chain(), subgraph=True).to_string()
    assert part.startswith('subgraph "cluster_')


@pytest.mark.parametrize(("options", "why"), [
    ({"rankdir": "up"}, "rankdir"), ({"splines": "wavy"}, "splines"), ({"level": "atoms"}, "level"),
    ({"level": "nodes", "expand_nested": True}, "level='layers'"),
])  # fmt: skip
def test_wrong_arguments(options, why: str) -> None:
    with pytest.raises(ArgumentError, match=why):
        wh.utils.plot_model(chain(), None, **options)


def test_models_that_cannot_be_drawn_yet() -> None:
    for level in ("layers", "nodes"):
        with pytest.raises(ArgumentError, match="call it on data"):
            wh.utils.plot_model(Branches(), None, level=level)
    model = wh.Sequential([wh.Input((2,)), L.Dense(1)])
    with pytest.raises(ArgumentError, match="not compiled"):
        wh.utils.plot_model(model, None, show_gradients=True)


@pytest.mark.parametrize("splines", ["ortho", "curved", "line"])
def test_kinds_of_links(splines: str) -> None:
    root = ET.fromstring(wh.utils.plot_model(skips(), None, splines=splines).svg)
    letters = {c for p in root.iter(f"{SVG}path") if p.get("class") == "to-data"
               for c in re.sub(r"[^A-Z]", "", p.get("d", ""))}  # fmt: skip
    assert (
        letters
        == {"ortho": {"M", "L", "Q"}, "curved": {"M", "L", "C"}, "line": {"M", "L"}}[splines]
    )
