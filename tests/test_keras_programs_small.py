"""Short programs as Keras' guides have them, run with ``import waterhorse as keras``.

Each returns what it found and what it should have found; the expectations are NumPy's, or were taken from
Keras 3.15.1 (order of layers and weights).
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import waterhorse as keras
from waterhorse import layers, ops

PROGRAMS: list[Callable[[], Iterator[tuple[Any, Any]]]] = []
X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")


def program(function: Callable[[], Iterator[tuple[Any, Any]]]) -> Any:
    """Put a program into the table."""
    PROGRAMS.append(function)
    return function


@pytest.mark.parametrize("run", PROGRAMS, ids=lambda f: f.__name__)
def test_program(run: Callable[[], Iterator[tuple[Any, Any]]]) -> None:
    for found, wanted in run():
        if isinstance(wanted, np.ndarray):
            np.testing.assert_allclose(np.asarray(found), wanted, rtol=1e-5, atol=1e-6)
        else:
            assert found == wanted


@program
def operators_of_python() -> Iterator[tuple[Any, Any]]:
    """Keras' guide to metrics compares with ``==``; others count with ``%`` and ``//``."""
    a, n = ops.array([5, 3, -4]), np.array([5, 3, -4])
    f, g = ops.array([5.5, -3.0]), np.array([5.5, -3.0], "float32")
    yield a == 5, n == 5
    yield a != 5, n != 5
    yield np.array([1, 3, -4]) == a, np.array([1, 3, -4]) == n
    yield a == ops.array([5.0, 2.5, -4.0]), np.array([True, False, True])
    yield a % 3, n % 3
    yield 7 % a, 7 % n
    yield a // 2, n // 2
    yield f % 2, g % 2
    yield f // 2, g // 2
    yield (a > 0) & ~(a > 4), (n > 0) & ~(n > 4)
    yield (a > 4) | (a < 0), (n > 4) | (n < 0)
    yield (a > 4) ^ (a > 0), (n > 4) ^ (n > 0)
    yield a & 6, n & 6
    yield round(f), np.round(g)
    yield np.float32(3) * f, 3 * g
    yield np.sqrt(ops.array([4.0, 9.0])), np.array([2.0, 3.0])
    yield np.sum(a), np.array(4)
    yield [10, 11, 12, 13, 14, 15][a[0]], 15
    yield f"{f[0]:.2f}", "5.50"
    yield a == None, False  # noqa: E711
    v = keras.Variable(np.ones(2, "float32"))
    yield v == v, True
    yield v == 1, np.array([True, True])
    yield [keras.Variable(0.0), v].index(v), 1


@program
def metric_that_compares() -> Iterator[tuple[Any, Any]]:
    class TruePositives(keras.metrics.Metric):
        def __init__(self, name: str = "tp", **kwargs: Any) -> None:
            super().__init__(name=name, **kwargs)
            self.tp = self.add_variable(shape=(), name="tp", initializer="zeros")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            y_pred = ops.reshape(ops.argmax(y_pred, axis=1), (-1, 1))
            same = ops.cast(y_true, "int32") == ops.cast(y_pred, "int32")
            self.tp.assign_add(ops.sum(ops.cast(same, "float32")))

        def result(self) -> Any:
            return self.tp.value

    model = keras.Sequential([keras.Input((4,)), layers.Activation("linear")])
    model.compile(loss="sparse_categorical_crossentropy", metrics=[TruePositives()])
    labels = np.array([[0], [1], [2], [3], [0], [1]])
    logs = model.evaluate(X, labels, batch_size=4, verbose=0, return_dict=True)
    yield logs["tp"], float(np.sum(X.argmax(1) == labels[:, 0]))


@program
def feature_extraction() -> Iterator[tuple[Any, Any]]:
    """An input among the outputs, and outputs named like inputs."""
    start = keras.Input((4,), name="start")
    middle = layers.Dense(4, name="middle", kernel_initializer="identity")(start)
    model = keras.Model(start, layers.Dense(1)(middle))
    features = keras.Model(model.input, [layer.output for layer in model.layers])
    found = features.predict(X, verbose=0)
    yield found[0], X
    yield found[1], X
    named = keras.Model(start, {"start": start, "middle": middle})
    yield named.predict(X, verbose=0)["start"], X


@program
def order_of_layers() -> Iterator[tuple[Any, Any]]:
    """Names as Keras 3.15.1 lists them; weights follow."""
    a, b, c = (keras.Input((n,), name=name) for n, name in ((4, "a"), (3, "b"), (2, "c")))
    x = layers.Dense(6, name="d2")(layers.Dense(5, name="d1")(a))
    y = layers.Dense(6, name="d3")(b)
    z = layers.Concatenate(name="cc")([c, layers.Add(name="add")([y, x])])
    model = keras.Model([a, b, c], [layers.Dense(1, name="o")(z), y])
    wanted = ["a", "b", "d1", "d3", "d2", "c", "add", "cc", "o"]
    yield [layer.name for layer in model.layers], wanted
    yield [w.shape for w in model.weights[::2]], [(4, 5), (3, 6), (5, 6), (8, 1)]
    shared = layers.Dense(4, name="sh")
    v = layers.Dense(4, name="q")(shared(shared(a)))
    model = keras.Model([a, b], layers.Add(name="s")([layers.Dense(4, name="e")(a), v]))
    yield [layer.name for layer in model.layers], ["a", "sh", "e", "q", "b", "s"]
    deep = layers.Dense(3, name="y1")(layers.Dense(7, name="c1")(c))
    model = keras.Model({"a": a, "c": c}, {"z": layers.Dense(2, name="z1")(a), "y": deep})
    yield [layer.name for layer in model.layers], ["c", "c1", "a", "y1", "z1"]


@program
def shapes_from_sizes() -> Iterator[tuple[Any, Any]]:
    """A vision transformer's patches: the batch is a tensor, the rest are numbers."""
    shapes = {}

    class Patches(layers.Layer):
        def call(self, images: Any) -> Any:
            b, h, w, c = ops.shape(images)
            patches = ops.image.extract_patches(images, size=4)
            found = ops.reshape(patches, (b, (h // 4) * (w // 4), 16 * c))
            table = ops.tile(ops.expand_dims(ops.arange(4), 0), (b, 1))
            shapes.update(found=found.shape, table=table.shape, zeros=ops.zeros((b, 2)).shape)
            return found

    images = keras.Input((8, 8, 3))
    x = layers.Dense(5)(Patches()(layers.Resizing(8, 8)(images)))
    model = keras.Model(images, layers.Flatten()(x))
    yield model.output_shape, (None, 20)
    yield shapes["found"][1:], (4, 48)
    yield shapes["table"], (shapes["found"][0], 4)
    yield shapes["zeros"], (shapes["found"][0], 2)
    yield model.predict(np.ones((3, 8, 8, 3)), verbose=0).shape, (3, 20)


@program
def positions_up_to_a_length() -> Iterator[tuple[Any, Any]]:
    class Positions(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.table = self.add_weight(shape=(9, 4), initializer="ones")

        def call(self, x: Any) -> Any:
            length = ops.shape(x)[1]
            return (x + self.table[:length])[:, 1 : length - 1]

    start = keras.Input((None, 4))
    model = keras.Model(start, Positions()(start))
    data = np.stack([X, -X])
    yield model.predict(data, verbose=0), data[:, 1:-1] + 1


@program
def layer_that_takes_a_mask() -> Iterator[tuple[Any, Any]]:
    class Softmax(layers.Layer):
        def call(self, inputs: Any, mask: Any = None) -> Any:
            if mask is None:
                raise AssertionError("the mask is there when the model is drawn")
            e = ops.exp(inputs) * ops.expand_dims(ops.cast(mask, "float32"), -1)
            return e / ops.sum(e, axis=1, keepdims=True)

        def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
            return None

    start = keras.Input((None,), dtype="int32")
    x = layers.Embedding(9, 3, mask_zero=True)(start)
    model = keras.Model(start, Softmax()(layers.Dense(1, kernel_initializer="zeros")(x)))
    ids = np.array([[1, 2, 0, 0], [1, 2, 3, 4]])
    wanted = np.array([[0.5, 0.5, 0, 0], [0.25] * 4], "float32")[..., None]
    yield model.predict(ids, verbose=0), wanted
    mask = layers.Embedding(9, 3, mask_zero=True)(ids)._keras_mask
    yield mask, ids != 0


@program
def configurations_with_own_layers() -> Iterator[tuple[Any, Any]]:
    class Twice(layers.Layer):
        def __init__(self, factor: float = 2.0, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, x: Any) -> Any:
            return x * self.factor

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "factor": self.factor}

    start = keras.Input((4,))
    model = keras.Model(start, layers.Lambda(lambda x: x + 1)(Twice(3.0)(start)))
    yield keras.models.clone_model(model).predict(X, verbose=0), 3 * X + 1
    model = keras.Model(start, Twice(3.0)(start))
    again = keras.Model.from_config(model.get_config(), custom_objects={"Twice": Twice})
    yield again.predict(X, verbose=0), 3 * X
    chain = keras.Sequential([start, Twice(4.0)])
    again = keras.Sequential.from_config(chain.get_config(), custom_objects={"Twice": Twice})
    yield again.predict(X, verbose=0), 4 * X
    yield hasattr(Twice(), "output"), False


@program
def distillation() -> Iterator[tuple[Any, Any]]:
    """``compute_loss`` need not take ``training``."""

    class Distiller(keras.Model):
        def __init__(self, student: Any, teacher: Any) -> None:
            super().__init__()
            self.student, self.teacher = student, teacher

        def compute_loss(
            self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None
        ) -> Any:
            return ops.mean(ops.square(self.teacher(x, training=False) - y_pred))

        def call(self, x: Any) -> Any:
            return self.student(x)

    teacher = keras.Sequential([keras.Input((4,)), layers.Dense(2, kernel_initializer="ones")])
    student = keras.Sequential([keras.Input((4,)), layers.Dense(2, kernel_initializer="zeros")])
    model = Distiller(student, teacher)
    teacher.trainable = False
    model.compile("sgd")
    wanted = np.mean(np.square(X.sum(1)))
    yield model.fit(X, np.zeros(6), verbose=0).history["loss"], np.array([wanted])
    yield teacher.get_weights()[0], np.ones((4, 2))


@program
def structured_data() -> Iterator[tuple[Any, Any]]:
    """One-hot numbers beside floats, from a dict; statistics of Normalization."""
    age = keras.Input((1,), name="age")
    kind = keras.Input((1,), name="kind", dtype="int64")
    normal = layers.Normalization()
    values = np.array([[1.0], [3.0]], "float32")
    yield normal.mean, None
    normal.adapt(values)
    yield normal.mean, np.array([[2.0]])
    yield normal.variance, np.array([[1.0]])
    lookup = layers.IntegerLookup(vocabulary=[7, 8], output_mode="one_hot")
    bins = layers.Discretization(bin_boundaries=[2.0])(age)
    hot = layers.CategoryEncoding(num_tokens=2, output_mode="multi_hot")(bins)
    joined = layers.concatenate([normal(age), lookup(kind), hot])
    yield joined.shape[-1], 6
    model = keras.Model({"age": age, "kind": kind}, joined)
    found = model.predict({"age": values, "kind": np.array([[8], [7]])}, verbose=0)
    yield found, np.array([[-1, 0, 0, 1, 1, 0], [1, 0, 1, 0, 0, 1]])


def _fitted(**changes: Any) -> None:
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(**{"x": X, "y": np.zeros(6, int), "verbose": 0, **changes})


class _NoSuper(layers.Layer):
    def __init__(self) -> None:
        self.inner = layers.Dense(2)

    def call(self, x: Any) -> Any:
        return self.inner(x)


class _NoLogs(keras.Model):
    def call(self, x: Any) -> Any:
        return x

    def train_step(self, data: Any) -> Any:
        return None


def _no_logs() -> None:
    model = _NoLogs()
    model.compile("sgd")
    model.fit(X, X, verbose=0)


MISTAKES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "misspelt": (
        lambda: layers.Dense(3, activaton="relu"), TypeError,
        "Dense: unknown argument 'activaton'; did you mean 'activation'",
    ),
    "misspelt stride": (
        lambda: layers.Conv2D(3, 3, stride=2), TypeError, "did you mean 'strides'",
    ),
    "no targets": (lambda: _fitted(y=None), ValueError, "needs targets: give y"),
    "width": (lambda: _fitted(x=np.ones((6, 5))), ValueError, r"takes \(None, 4\)"),
    "label": (lambda: _fitted(y=np.full(6, 7)), ValueError, "label 7 .* from 0 to 2"),
    "one-hot": (lambda: _fitted(y=np.eye(3)[[0] * 6]), ValueError, "categorical_crossentropy"),
    "class names": (
        lambda: _fitted(class_weight={"a": 2.0}), ValueError, "keys are numbers of classes; got 'a'",
    ),
    "super": (lambda: _NoSuper()(X), ValueError, r"must call super\(\).__init__\(\) first"),
    "no logs": (_no_logs, ValueError, "expected a dict of logs"),
    "kernel": (
        lambda: layers.Conv2D(3, 5)(keras.Input((3, 3, 1))), ValueError,
        "kernel of 5 .* larger than the 3 places",
    ),
    "one tensor": (
        lambda: layers.Concatenate()(keras.Input((8,))), ValueError, "merges a list of tensors",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_explained(name: str) -> None:
    run, kind, words = MISTAKES[name]
    with pytest.raises(kind, match=words):
        run()
