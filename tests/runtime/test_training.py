"""fit, evaluate, predict: what they compute, accept and report."""

import itertools

import numpy as np
import pytest

import waterhorse as wh
from waterhorse import layers as L


def classifier(**options) -> wh.Sequential:
    model = wh.Sequential([wh.Input((64,)), L.Dense(32, activation="relu"), L.Dense(10)])
    loss = wh.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(wh.optimizers.Adam(3e-3), loss, **{"metrics": ["accuracy"], **options})
    return model


@pytest.fixture
def flat(digits):
    x, y = digits
    return x.reshape(len(x), -1), y


def test_learns_real_digits(flat) -> None:
    x, y = flat
    model = classifier()
    history = model.fit(x[:1500], y[:1500], epochs=15, validation_split=0.1, verbose=0)
    assert list(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert len(history.history["loss"]) == 15
    assert history.history["loss"][-1] < 0.15
    loss, accuracy = model.evaluate(x[1500:], y[1500:], verbose=0)
    assert accuracy > 0.85
    scores = model.predict(x[1500:], verbose=0)
    assert scores.shape == (297, 10)
    assert np.mean(scores.argmax(1) == y[1500:]) == pytest.approx(accuracy)
    logs = scores - scores.max(1, keepdims=True)
    logs -= np.log(np.exp(logs).sum(1, keepdims=True))
    own = -logs[np.arange(297), y[1500:]].mean()
    assert loss == pytest.approx(own, rel=1e-5)


def test_same_seed_same_run_and_other_seed_another(flat) -> None:
    x, y = flat

    def losses(seed: int) -> list[float]:
        wh.set_random_seed(seed)
        wh.utils.clear_session()
        model = wh.Sequential([wh.Input((64,)), L.Dropout(0.3), L.Dense(10)])
        model.compile("sgd", wh.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model.fit(x, y, epochs=3, verbose=0).history["loss"]

    assert losses(1) == losses(1)
    assert losses(1) != losses(2)


def test_fit_equals_a_hand_written_loop(flat) -> None:
    x, y = flat[0][:320], flat[1][:320]
    model = classifier()
    start = model.get_weights()
    by_fit = model.fit(x, y, shuffle=False, verbose=0).history["loss"][0]
    after = model.get_weights()
    again = classifier()
    again.set_weights(start)
    by_hand = [
        again.train_on_batch(x[i : i + 32], y[i : i + 32], return_dict=True)["loss"]
        for i in range(0, 320, 32)
    ]
    assert by_fit == pytest.approx(np.mean(by_hand), rel=1e-6)
    for a, b in zip(after, again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_last_short_batch_counts_by_its_size(flat) -> None:
    x, y = flat[0][:50], flat[1][:50]
    model = classifier()
    whole = model.evaluate(x, y, batch_size=50, verbose=0)
    parts = model.evaluate(x, y, batch_size=32, verbose=0)
    np.testing.assert_allclose(whole, parts, rtol=1e-5)


def test_sample_and_class_weights(flat) -> None:
    x, y = flat[0][:200], flat[1][:200]
    model = classifier()
    weights = np.where(y == 3, 2.0, 1.0).astype("float32")
    by_sample = model.test_on_batch(x, y, sample_weight=weights, return_dict=True)["loss"]
    each = wh.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")
    values = each(y, model.predict(x, verbose=0)).numpy()
    assert by_sample == pytest.approx(float((values * weights).mean()), rel=1e-5)
    start = model.get_weights()
    a = model.fit(x, y, class_weight={3: 2.0}, shuffle=False, verbose=0).history["loss"]
    model = classifier()
    model.set_weights(start)
    b = model.fit(x, y, sample_weight=weights, shuffle=False, verbose=0).history["loss"]
    assert a == pytest.approx(b, rel=1e-6)


def test_generators_and_datasets(flat) -> None:
    x, y = flat[0][:128], flat[1][:128]

    def batches():
        while True:
            for i in range(0, 128, 32):
                yield x[i : i + 32], y[i : i + 32]

    model = classifier()
    start = model.get_weights()
    a = model.fit(batches(), steps_per_epoch=4, epochs=2, verbose=0).history["loss"]
    model = classifier()
    model.set_weights(start)
    b = model.fit(x, y, epochs=2, shuffle=False, verbose=0).history["loss"]
    assert a == pytest.approx(b, rel=1e-6)
    listed = [(x[:40], y[:40]), (x[40:100], y[40:100])]
    assert classifier().evaluate(Batches(listed), verbose=0, return_dict=True)["loss"] > 0
    assert classifier().predict(Batches([x[:40], x[40:100]]), verbose=0).shape == (100, 10)


class Batches:
    """Something that can be gone through again and again."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __iter__(self):
        return iter(self.items)


def test_learning_rate_changes_without_a_new_graph(flat) -> None:
    x, y = flat[0][:64], flat[1][:64]
    model = classifier()
    model.fit(x, y, verbose=0)
    ((_, before),) = model.steps._steps.values()
    weights = model.get_weights()
    model.optimizer.learning_rate = 0.0
    model.fit(x, y, verbose=0)
    ((_, after),) = model.steps._steps.values()
    assert before is after
    for a, b in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert float(model.optimizer.learning_rate) == 0.0


def test_schedules_run_in_the_graph(flat) -> None:
    x, y = flat[0][:64], flat[1][:64]
    rate = wh.optimizers.schedules.PiecewiseConstantDecay([2], [0.1, 0.0])
    model = wh.Sequential([wh.Input((64,)), L.Dense(10)])
    model.compile(
        wh.optimizers.SGD(rate), wh.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    seen = []
    for _ in range(6):
        model.train_on_batch(x, y)
        seen.append(model.get_weights()[0])
    moved = [not np.array_equal(a, b) for a, b in itertools.pairwise(seen)]
    assert moved == [True, True, False, False, False]


def test_batch_normalization_learns_moving_averages(flat) -> None:
    x, y = flat
    model = wh.Sequential([wh.Input((64,)), L.BatchNormalization(momentum=0.5), L.Dense(10)])
    model.compile("sgd", wh.losses.SparseCategoricalCrossentropy(from_logits=True))
    for _ in range(2):
        model.train_on_batch(x, y)
    norm = model.layers[0]
    np.testing.assert_allclose(norm.moving_mean.numpy(), 0.75 * x.mean(0), rtol=1e-5)
    np.testing.assert_allclose(norm.moving_variance.numpy(), 0.25 + 0.75 * x.var(0), rtol=1e-5)
    frozen = norm.moving_mean.numpy()
    norm.trainable = False
    model.compile("sgd", wh.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, verbose=0)
    np.testing.assert_array_equal(norm.moving_mean.numpy(), frozen)


def test_frozen_layers_stay(flat) -> None:
    x, y = flat[0][:64], flat[1][:64]
    model = classifier()
    model.layers[0].trainable = False
    model.compile("sgd", wh.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = model.get_weights()
    model.fit(x, y, verbose=0)
    after = model.get_weights()
    np.testing.assert_array_equal(before[0], after[0])
    assert not np.array_equal(before[2], after[2])
    model.layers[0].trainable = True
    assert len(model.trainable_weights) == 4


def test_callbacks_and_stopping(flat) -> None:
    x, y = flat[0][:128], flat[1][:128]
    seen = []

    class Watch(wh.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append((epoch, sorted(logs)))
            self.model.stop_training = epoch == 1

        def on_train_batch_end(self, batch, logs=None):
            seen.append((batch, logs["loss"] > 0))

    history = classifier().fit(x, y, epochs=9, callbacks=[Watch()], verbose=0)
    assert history.epoch == [0, 1]
    assert seen[:5] == [(0, True), (1, True), (2, True), (3, True), (0, ["accuracy", "loss"])]


def test_validation_does_not_disturb_training(flat) -> None:
    x, y = flat[0][:256], flat[1][:256]
    model = classifier()
    start = model.get_weights()
    plain = model.fit(x, y, epochs=3, shuffle=False, verbose=0).history
    model = classifier()
    model.set_weights(start)
    data = (x[:64], y[:64])
    watched = model.fit(
        x, y, epochs=3, shuffle=False, validation_data=data, validation_freq=2, verbose=0
    ).history
    assert watched["loss"] == plain["loss"]
    assert len(watched["val_loss"]) == 1


def test_two_inputs_two_outputs() -> None:
    a, b = wh.Input((3,), name="a"), wh.Input((2,), name="b")
    both = L.Concatenate()([L.Dense(4)(a), L.Dense(4)(b)])
    first = L.Dense(1, name="first")(both)
    second = L.Dense(3, activation="softmax", name="second")(both)
    model = wh.Model([a, b], {"first": first, "second": second})
    model.compile(
        "adam", {"first": "mse", "second": "sparse_categorical_crossentropy"},
        loss_weights={"first": 0.5, "second": 1.0}, metrics={"second": ["accuracy"]},
    )  # fmt: skip
    generator = np.random.default_rng(0)
    x = {"b": generator.normal(size=(64, 2)), "a": generator.normal(size=(64, 3))}
    y = {"first": generator.normal(size=(64, 1)), "second": generator.integers(0, 3, 64)}
    history = model.fit(x, y, epochs=2, verbose=0).history
    assert sorted(history) == ["first_loss", "loss", "second_accuracy", "second_loss"]
    total = 0.5 * np.array(history["first_loss"]) + np.array(history["second_loss"])
    np.testing.assert_allclose(history["loss"], total, rtol=1e-5)
    found = model.predict(x, verbose=0)
    assert found["second"].shape == (64, 3)


def test_subclassed_model_with_shared_layer_and_added_loss() -> None:
    class Twice(wh.Model):
        def __init__(self):
            super().__init__()
            self.shared = L.Dense(4, activation="tanh", kernel_regularizer="l2")
            self.head = L.Dense(1)

        def call(self, inputs, training=False):
            hidden = self.shared(self.shared(inputs))
            self.add_loss(0.5 * wh.ops.mean(hidden * hidden))
            return self.head(hidden)

    x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
    model = Twice()
    model.compile("sgd", "mse")
    logs = model.train_on_batch(x, x[:, :1], return_dict=True)
    assert [w.path for w in model.weights] == [
        "dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias",
    ]  # fmt: skip
    assert len(model.weights) == 4
    assert logs["loss"] > 0
    kernel = model.shared.kernel.numpy()
    assert model.regularization_losses()[0].numpy() == pytest.approx(
        0.01 * (kernel**2).sum(), rel=1e-5
    )


def test_custom_train_step() -> None:
    class Halved(wh.Model):
        def train_step(self, data):
            x, y = data
            loss = wh.ops.mean(wh.ops.square(self(x, training=True) - y)) * 0.5
            variables = self.trainable_variables
            self.optimizer.apply(wh.grad(loss, variables), variables)
            return {"half": loss}

    inputs = wh.Input((2,))
    model = Halved(inputs, L.Dense(1)(inputs))
    model.compile(wh.optimizers.SGD(0.1))
    x = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")
    history = model.fit(x, x.sum(1, keepdims=True), epochs=60, verbose=0).history
    assert list(history) == ["half"]
    assert history["half"][-1] < 1e-3


def trained_with(optimizer, flat, batch_size: int = 32, epochs: int = 2) -> list[np.ndarray]:
    wh.set_random_seed(0)
    wh.utils.clear_session()
    model = wh.Sequential([wh.Input((64,)), L.Dense(16, "tanh"), L.Dense(10)])
    model.compile(optimizer, wh.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, y = flat[0][:256], flat[1][:256]
    model.fit(x, y, batch_size=batch_size, epochs=epochs, shuffle=False, verbose=0)
    return model.get_weights()


def equal(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return all(np.allclose(u, v, rtol=1e-4, atol=1e-6) for u, v in zip(a, b, strict=True))


def test_a_scaled_loss_trains_alike(flat) -> None:
    plain = trained_with(wh.optimizers.SGD(0.5, momentum=0.9), flat)
    scaled = trained_with(wh.optimizers.SGD(0.5, momentum=0.9, loss_scale_factor=64.0), flat)
    assert equal(plain, scaled)


def test_accumulated_gradients_equal_larger_batches(flat) -> None:
    large = trained_with(wh.optimizers.SGD(0.5), flat, batch_size=64)
    small = trained_with(wh.optimizers.SGD(0.5, gradient_accumulation_steps=4), flat, batch_size=16)
    assert equal(large, small)


def test_averaged_weights_are_in_place_after_fit(flat) -> None:
    seen = []

    class Watch(wh.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(self.model.get_weights())

    model = wh.Sequential([wh.Input((64,)), L.Dense(10)])
    loss = wh.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(wh.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.5), loss)
    model.fit(flat[0][:128], flat[1][:128], callbacks=[Watch()], verbose=0)
    average = seen[0]  # as in Keras, the first step sets it
    for weights in seen[1:]:
        average = [0.5 * a + 0.5 * w for a, w in zip(average, weights, strict=True)]
    assert len(seen) == 4
    assert not equal(model.get_weights(), seen[-1])
    assert equal(model.get_weights(), average)
