"""Models as people build them: steps of one's own, several optimizers, shared parts, copies, state."""

import json

import numpy as np
import pytest

import waterhorse as wh
from waterhorse import layers as L
from waterhorse.errors import ArgumentError, FileFormatError
from waterhorse.runtime.saving import named_state

R = np.random.default_rng(3)


def numbers(*shape):
    return R.normal(size=shape).astype("float32")


# -- steps of one's own -----------------------------------------------------------------------


class Gan(wh.Model):
    """Two optimizers and two networks in one step; the gradient penalty differentiates a gradient."""

    def __init__(self, penalty=0.0, critic_steps=1):
        super().__init__()
        self.generator = wh.Sequential([wh.Input((2,)), L.Dense(8, activation="tanh"), L.Dense(2)])
        self.critic = wh.Sequential([wh.Input((2,)), L.Dense(8, activation="tanh"), L.Dense(1)])
        self.penalty, self.critic_steps = penalty, critic_steps
        self.seed = wh.random.SeedGenerator(1)
        self.d_tracker, self.g_tracker = wh.metrics.Mean(name="d"), wh.metrics.Mean(name="g")

    def compile(self, d_optimizer, g_optimizer, **kwargs):
        super().compile(**kwargs)
        self.d_optimizer, self.g_optimizer = d_optimizer, g_optimizer

    @property
    def metrics(self):
        return [self.d_tracker, self.g_tracker]

    def train_step(self, real):
        batch = wh.ops.shape(real)[0]
        for _ in range(self.critic_steps):
            fake = self.generator(wh.random.normal((batch, 2), seed=self.seed), training=True)
            d_loss = wh.ops.mean(self.critic(fake)) - wh.ops.mean(self.critic(real))
            if self.penalty:
                share = wh.random.uniform((batch, 1), seed=self.seed)
                between = real * share + fake * (1.0 - share)
                (slope,) = wh.grad(wh.ops.sum(self.critic(between)), [between])
                norm = wh.ops.sqrt(wh.ops.sum(wh.ops.square(slope), axis=1) + 1e-12)
                d_loss = d_loss + self.penalty * wh.ops.mean(wh.ops.square(norm - 1.0))
            weights = self.critic.trainable_weights
            self.d_optimizer.apply_gradients(zip(wh.grad(d_loss, weights), weights, strict=True))
        fake = self.generator(wh.random.normal((batch, 2), seed=self.seed), training=True)
        g_loss = -wh.ops.mean(self.critic(fake))
        weights = self.generator.trainable_weights
        self.g_optimizer.apply_gradients(zip(wh.grad(g_loss, weights), weights, strict=True))
        self.d_tracker.update_state(d_loss)
        self.g_tracker.update_state(g_loss)
        return {m.name: m.result() for m in self.metrics}


@pytest.mark.parametrize(("penalty", "steps"), [(0.0, 1), (10.0, 3)])
def test_two_optimizers_in_one_step(penalty, steps) -> None:
    wh.set_random_seed(0)
    gan = Gan(penalty, steps)
    gan.compile(wh.optimizers.Adam(0.02), wh.optimizers.Adam(0.02))
    before = [w.numpy() for w in gan.critic.weights], [w.numpy() for w in gan.generator.weights]
    target = np.float32([2.0, -1.0])
    data = target + 0.1 * numbers(256, 2)
    history = gan.fit(data, batch_size=64, epochs=30, verbose=0)
    assert set(history.history) == {"d", "g"}
    for old, part in zip(before, (gan.critic, gan.generator), strict=True):
        moved = [(o != w.numpy()).any() for o, w in zip(old, part.weights, strict=True)]
        assert all(moved[:3])  # the critic's last bias has no gradient
    assert int(gan.d_optimizer.iterations.numpy()) == steps * 30 * 4
    if penalty:
        made = gan.generator.predict(numbers(500, 2), verbose=0).mean(0)
        assert np.abs(made - target).max() < 1.0


def test_gradient_penalty_equals_differences() -> None:
    """The gradient of a penalty on a gradient, by central differences of the penalty itself."""
    net = wh.Sequential([wh.Input((3,)), L.Dense(4, activation="tanh"), L.Dense(1)])
    x = numbers(5, 3)

    @wh.function
    def penalty(t):
        (slope,) = wh.grad(wh.ops.sum(net(t)), [t])
        value = wh.ops.mean(wh.ops.square(wh.ops.norm(slope, axis=1) - 1.0))
        return value, wh.grad(value, [net.layers[0].kernel])[0]

    _, gradient = penalty(x)
    kernel = net.layers[0].kernel
    start, direction = kernel.numpy(), numbers(3, 4)
    sides = []
    for h in (1e-2, -1e-2):
        kernel.assign(start + h * direction)
        sides.append(float(penalty(x)[0]))
    np.testing.assert_allclose(
        (gradient * direction).sum(), (sides[0] - sides[1]) / 2e-2, rtol=2e-2
    )


class Vae(wh.Model):
    """Its own trackers, ``add_loss`` in a layer of the encoder, noise in the graph."""

    def __init__(self):
        super().__init__()

        class Sample(L.Layer):
            def __init__(self, **kwargs):
                super().__init__(**kwargs)
                self.seed = wh.random.SeedGenerator(2)

            def call(self, inputs):
                mean, log_variance = inputs
                kl = -0.5 * (1 + log_variance - wh.ops.square(mean) - wh.ops.exp(log_variance))
                self.add_loss(1e-2 * wh.ops.mean(wh.ops.sum(kl, axis=1)))
                noise = wh.random.normal(wh.ops.shape(mean), seed=self.seed)
                return mean + wh.ops.exp(0.5 * log_variance) * noise

        start = wh.Input((6,))
        hidden = L.Dense(8, activation="relu")(start)
        z = Sample()([L.Dense(2)(hidden), L.Dense(2)(hidden)])
        self.encoder = wh.Model(start, z)
        self.decoder = wh.Sequential([wh.Input((2,)), L.Dense(8, activation="relu"), L.Dense(6)])
        self.tracker = wh.metrics.Mean(name="reconstruction")

    def train_step(self, x):
        made = self.decoder(self.encoder(x, training=True), training=True)
        error = wh.ops.mean(wh.ops.square(x - made))
        loss = error + sum(self.encoder.losses)
        weights = self.trainable_weights
        self.optimizer.apply(wh.grad(loss, weights), weights)
        self.tracker.update_state(error)
        return {"loss": loss, "reconstruction": self.tracker.result()}


def test_losses_of_layers_in_a_step_of_ones_own() -> None:
    wh.set_random_seed(1)
    vae = Vae()
    vae.compile(wh.optimizers.Adam(0.01))
    x = (numbers(128, 2) @ numbers(2, 6)).astype("float32")
    history = vae.fit(x, epochs=15, verbose=0).history
    assert vae.tracker in vae.metrics
    assert history["reconstruction"][-1] < 0.6 * history["reconstruction"][0]


def test_losses_are_those_of_the_last_call() -> None:
    class Penalised(L.Layer):
        def call(self, inputs):
            self.add_loss(wh.ops.sum(inputs))
            return inputs

    layer = Penalised()
    layer(np.ones(3, "float32"))
    layer(np.ones(2, "float32"))
    assert [float(x) for x in layer.losses] == [2.0]
    outer = wh.Sequential(
        [layer, Penalised(), L.Dense(2, kernel_regularizer=wh.regularizers.L2(0.5))]
    )
    outer(np.ones((1, 4), "float32"))
    penalty = 0.5 * (outer.layers[2].kernel.numpy() ** 2).sum()
    np.testing.assert_allclose([float(x) for x in outer.losses], [4.0, 4.0, penalty], rtol=1e-6)


# -- subclasses -------------------------------------------------------------------------------


def test_a_subclass_with_training_and_mask() -> None:
    seen = {}

    class Mine(wh.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.embed = L.Embedding(5, 3, mask_zero=True)
            self.drop = L.Dropout(0.5)
            self.blocks = [L.Dense(4), {"last": L.Dense(2)}]

        def call(self, inputs, training=None, mask=None):
            seen["training"] = training
            x = self.embed(inputs)
            seen["mask"] = x.mask
            x = self.drop(x)
            return self.blocks[1]["last"](self.blocks[0](wh.ops.mean(x, axis=1)))

    model = Mine()
    model.compile("sgd", "mse")
    x = np.array([[1, 2, 0], [3, 0, 0]])
    model.fit(x, np.zeros((2, 2)), verbose=0)
    assert seen["training"] is True
    assert seen["mask"] is not None
    assert len(model.trainable_weights) == 5
    assert {x.name for x in model.layers} >= {model.embed.name, model.blocks[0].name}
    model.predict(x, verbose=0)
    assert seen["training"] is False


def test_masks_reach_the_loss() -> None:
    """Padding has no loss: a wrong prediction there changes nothing."""
    start = wh.Input((None,), dtype="int32")
    hidden = L.Embedding(6, 4, mask_zero=True)(start)
    model = wh.Model(start, L.Dense(1)(hidden))
    model.compile("sgd", "mse")
    x = np.array([[1, 2, 3, 0], [4, 5, 0, 0]])
    y = numbers(2, 4, 1)
    other = np.where((x == 0)[..., None], y + 100, y)
    a, b = (model.evaluate(x, t, verbose=0) for t in (y, other))
    assert a == b
    found = model.predict(x, verbose=0)
    expected = ((found - y)[..., 0] ** 2)[x != 0].sum() / (x != 0).sum()
    np.testing.assert_allclose(a, expected, rtol=1e-5)


def test_build_by_the_names_of_arguments() -> None:
    class Pair(L.Layer):
        def build(self, left_shape, right_shape):
            self.kernel = self.add_weight((left_shape[-1], right_shape[-1]), "ones")

        def call(self, left, right):
            return wh.ops.sum((left @ self.kernel) * right, axis=-1)

    pair = Pair()
    a, b = numbers(4, 2), numbers(4, 3)
    np.testing.assert_allclose(pair(a, b).numpy(), a.sum(1) * b.sum(1), rtol=1e-5)
    left, right = wh.Input((2,)), wh.Input((3,))
    model = wh.Model([left, right], pair(left, right=right))
    np.testing.assert_allclose(model.predict([a, b], verbose=0), a.sum(1) * b.sum(1), rtol=1e-5)


def test_input_spec_is_checked() -> None:
    class Picky(L.Layer):
        input_spec = L.InputSpec(ndim=3, axes={-1: 4})

        def call(self, inputs):
            return inputs

    Picky()(np.zeros((1, 2, 4), "float32"))
    for shape in ((2, 4), (1, 2, 5)):
        with pytest.raises(ValueError, match="takes an input with"):
            Picky(name="picky")(np.zeros(shape, "float32"))


# -- functional models ------------------------------------------------------------------------


def test_nested_inputs_and_outputs_shared_layers_and_features() -> None:
    shared = L.Dense(3, activation="relu", name="shared")
    inputs = {
        "a": wh.Input((4,), name="a"),
        "b": [wh.Input((4,), name="b0"), wh.Input((4,), name="b1")],
    }
    parts = [shared(t) for t in (inputs["a"], *inputs["b"])]
    total = L.Add(name="total")(parts)
    outputs = {"sum": L.Dense(1, name="sum")(total), "raw": parts[0] * 2.0}
    model = wh.Model(inputs, outputs)
    assert len(model.weights) == 4
    data = {"a": numbers(5, 4), "b": [numbers(5, 4), numbers(5, 4)]}
    found = model(data)
    assert set(found) == {"sum", "raw"}
    features = wh.Model(model.input, model.get_layer("total").output)
    np.testing.assert_allclose(
        np.asarray(found["sum"]), model.get_layer("sum")(features(data)).numpy(), rtol=1e-5
    )
    model.compile("adam", loss={"sum": "mse", "raw": "mae"}, loss_weights={"sum": 1.0, "raw": 0.5})
    logs = model.fit(data, {"sum": numbers(5, 1), "raw": numbers(5, 3)}, verbose=0).history
    assert set(logs) == {"loss", "sum_loss", "raw_loss"}
    np.testing.assert_allclose(
        logs["loss"][0], logs["sum_loss"][0] + 0.5 * logs["raw_loss"][0], rtol=1e-5
    )


def test_optional_inputs() -> None:
    class Gate(L.Layer):
        def call(self, x, gate=None):
            return x if gate is None else x * gate

    x, gate = wh.Input((3,), name="x"), wh.Input((3,), name="gate", optional=True)
    model = wh.Model([x, gate], Gate(name="gated")(x, gate))
    a, b = numbers(2, 3), numbers(2, 3)
    np.testing.assert_array_equal(model([a, None]).numpy(), a)
    np.testing.assert_array_equal(model([a, b]).numpy(), a * b)
    np.testing.assert_array_equal(model({"x": a}).numpy(), a)
    with pytest.raises(ArgumentError, match="needs its input 'x'"):
        model([None, b])


def test_input_shape_of_old_programs() -> None:
    model = wh.Sequential([L.Dense(3, input_shape=(4,)), L.Dense(2)])
    assert model.built
    assert model.output_shape == (None, 2)
    again = wh.models.model_from_json(model.to_json())
    assert again.output_shape == (None, 2)
    assert wh.Sequential([L.Dense(3, input_dim=5)]).input_shape == (None, 5)


# -- copies and state -------------------------------------------------------------------------


def two_branches():
    x = wh.Input((4,), name="x")
    shared = L.Dense(4, name="shared")
    return wh.Model(x, L.Concatenate(name="both")([shared(shared(x)), L.Dense(2, name="side")(x)]))


def test_clone_model() -> None:
    model = two_branches()
    again = wh.models.clone_model(model)
    assert [x.name for x in again.layers] == [x.name for x in model.layers]
    assert not set(again.weights) & set(model.weights)
    again.set_weights(model.get_weights())
    x = numbers(3, 4)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))

    def wider(layer):
        if layer.name == "side":
            return L.Dense(5, name="side")
        return type(layer).from_config(layer.get_config())

    assert wh.models.clone_model(model, clone_function=wider).output_shape == (None, 9)
    chain = wh.Sequential([wh.Input((4,)), model, L.Dense(1)])
    copy = wh.models.clone_model(chain, clone_function=wider, recursive=True)
    assert copy.layers[0].output_shape == (None, 9)
    with pytest.raises(ArgumentError, match="neither functional nor Sequential"):
        wh.models.clone_model(Gan(), clone_function=wider)


def test_architecture_as_json() -> None:
    model = two_branches()
    again = wh.models.model_from_json(model.to_json(indent=1))
    again.set_weights(model.get_weights())
    x = numbers(3, 4)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    json.loads(model.to_json())


def test_stateless_call() -> None:
    layer = L.BatchNormalization()
    x = numbers(8, 3) + 2
    layer.build((None, 3))
    trainable = [np.full(3, 2.0, "float32"), np.ones(3, "float32")]
    fixed = [np.zeros(3, "float32"), np.ones(3, "float32")]
    y, after = layer.stateless_call(trainable, fixed, x, training=True)
    np.testing.assert_allclose(y.numpy().mean(0), np.ones(3), atol=1e-5)
    np.testing.assert_allclose(after[0].numpy(), 0.01 * x.mean(0), rtol=1e-5)
    np.testing.assert_array_equal(layer.moving_mean.numpy(), np.zeros(3))
    np.testing.assert_array_equal(layer.gamma.numpy(), np.ones(3))
    with pytest.raises(ArgumentError, match="1 values for 2"):
        layer.stateless_call(trainable[:1], fixed, x)


def test_state_tree() -> None:
    model = two_branches()
    model.compile("adam", "mse")
    x = numbers(4, 4)
    model.fit(x, numbers(4, 6), verbose=0)
    tree = model.get_state_tree("numpy_array")
    assert set(tree) == {
        "trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables",
    }  # fmt: skip
    kernel = tree["trainable_variables"]["shared"]["kernel"]
    np.testing.assert_array_equal(kernel, model.get_layer("shared").kernel.numpy())
    other = two_branches()
    other.compile("adam", "mse")
    other.fit(x, numbers(4, 6), verbose=0)
    other.set_state_tree(tree)
    np.testing.assert_array_equal(other.predict(x, verbose=0), model.predict(x, verbose=0))
    with pytest.raises(ArgumentError, match="has no"):
        other.set_state_tree({"trainable_variables": {"nobody": np.zeros(1)}})


def test_weights_in_parts_and_with_mismatch(tmp_path) -> None:
    model = two_branches()
    model.save_weights(tmp_path / "weights.json", max_shard_size=5e-8)
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    again = two_branches()
    again.load_weights(tmp_path / "weights.json")
    for a, b in zip(again.weights, model.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    x = wh.Input((4,), name="x")
    other = wh.Model(x, L.Dense(3, name="side")(L.Dense(4, name="shared")(x)))
    model.save_weights(tmp_path / "one.safetensors")
    with pytest.raises(FileFormatError, match="side/kernel needs shape"):
        other.load_weights(tmp_path / "one.safetensors")
    with pytest.warns(UserWarning, match="keeps its value"):
        other.load_weights(tmp_path / "one.safetensors", skip_mismatch=True)
    np.testing.assert_array_equal(
        other.get_layer("shared").kernel.numpy(), model.get_layer("shared").kernel.numpy()
    )


def test_optimizers_of_ones_own_are_saved(tmp_path) -> None:
    gan = Gan()
    gan.compile(wh.optimizers.Adam(0.02), wh.optimizers.Adam(0.02))
    gan.fit(numbers(8, 2), verbose=0)
    names = named_state(gan)
    assert any(n.startswith("optimizer/d_optimizer/") for n in names)
    assert any(n.startswith("optimizer/g_optimizer/") for n in names)


# -- compile ----------------------------------------------------------------------------------


def test_steps_per_execution_groups_callbacks() -> None:
    model = wh.Sequential([wh.Input((3,)), L.Dense(1)])
    model.compile("sgd", "mse", steps_per_execution=3, jit_compile=False)
    ends, begins = [], []
    hooks = wh.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: begins.append(batch),
        on_train_batch_end=lambda batch, logs: ends.append(batch),
    )
    model.fit(numbers(32, 3), numbers(32, 1), batch_size=4, callbacks=hooks, verbose=0)
    assert (begins, ends) == ([0, 3, 6], [2, 5, 7])
    with pytest.raises(NotImplementedError, match="run_eagerly"):
        model.compile("sgd", "mse", run_eagerly=True)


def test_mixed_precision() -> None:
    wh.config.set_dtype_policy("mixed_float16")
    try:
        model = wh.Sequential(
            [wh.Input((8,)), L.Dense(16, activation="relu"), L.Dense(1, dtype="float32")]
        )
        model.compile(wh.optimizers.Adam(0.02), "mse")
    finally:
        wh.config.set_dtype_policy("float32")
    assert isinstance(model.optimizer, wh.optimizers.LossScaleOptimizer)
    assert {w.dtype.name for w in model.weights} == {"float32"}
    assert model.layers[0].compute_dtype == "float16"
    x = numbers(256, 8)
    y = x[:, :1] - 2 * x[:, 1:2]
    losses = model.fit(x, y, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < 0.1 * losses[0]
    assert model.predict(x[:2], verbose=0).dtype == np.float32
    again = wh.layers.Dense.from_config(model.layers[0].get_config())
    assert again.dtype_policy.name == "mixed_float16"


def test_layers_that_nobody_named_are_found_again(tmp_path) -> None:
    """Automatic names are numbered through the process: a loaded copy has other ones."""

    class Block(L.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.norm = L.LayerNormalization()
            self.parts = {"wide": L.Dense(4), "more": [L.Dense(3), L.Dropout(0.5)]}

        def call(self, inputs, training=False):
            x = self.parts["wide"](self.norm(inputs))
            return self.parts["more"][1](self.parts["more"][0](x), training=training)

    model = wh.Sequential([wh.Input((4,)), Block(), Block()])
    model.compile("adam", "mse")
    x, y = numbers(8, 4), numbers(8, 3)
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model.wh")
    model.save_weights(tmp_path / "weights.safetensors")
    again = wh.models.load_model(tmp_path / "model.wh", custom_objects={"Block": Block})
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    assert again.train_on_batch(x, y) == model.train_on_batch(x, y)
    model.load_weights(tmp_path / "weights.safetensors")
    again.load_weights(tmp_path / "weights.safetensors")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
