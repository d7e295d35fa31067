"""Actor and critic learn to balance a pole on a cart: reinforcement learning without ``fit``.

Barto, Sutton and Anderson 1983; the equations of motion are theirs. The actor is asked once per step with a
single observation; after an episode the gradient of its whole loss is taken at once.

    python examples/keras_programs/cartpole.py
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

import waterhorse as keras
from waterhorse import layers, ops

LONGEST = 200  # steps of an episode


class CartPole:
    """State: position and speed of the cart, angle and angular speed of the pole. Action 1 is right."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.state = np.zeros(4)
        self.steps = 0

    def reset(self) -> np.ndarray:
        self.state = self.random.uniform(-0.05, 0.05, 4)
        self.steps = 0
        return self.state.astype("float32")

    def step(self, action: int) -> tuple[np.ndarray, float, bool]:
        """20 ms later: observation, reward, and whether the episode is over."""
        _, speed, angle, turn = self.state
        force = 10.0 if action == 1 else -10.0
        sine, cosine = np.sin(angle), np.cos(angle)
        push = (force + 0.05 * turn**2 * sine) / 1.1
        bend = (9.8 * sine - cosine * push) / (0.5 * (4 / 3 - 0.1 * cosine**2 / 1.1))
        pull = push - 0.05 * bend * cosine / 1.1
        change = np.array([speed, pull, turn, bend])
        self.state = self.state + 0.02 * change
        self.steps += 1
        fallen = abs(self.state[0]) > 2.4 or abs(self.state[2]) > np.deg2rad(12)
        return self.state.astype("float32"), 1.0, bool(fallen or self.steps >= LONGEST)


def network() -> Any:
    """Observations to probabilities of the two actions, and the reward that is expected from there."""
    state = layers.Input(shape=(4,))
    common = layers.Dense(128, activation="relu")(state)
    action = layers.Dense(2, activation="softmax")(common)
    critic = layers.Dense(1)(common)
    return keras.Model(inputs=state, outputs=[action, critic])


def learner(model: Any, optimizer: Any) -> Any:
    """The update after an episode, as one compiled graph for episodes of any length."""
    huber = keras.losses.Huber(reduction="sum")
    spec = keras.TensorSpec
    signature = [spec((None, 4)), spec((None,), "int64"), spec((None,))]

    @keras.function(input_signature=signature)
    def learn(states: Any, actions: Any, returns: Any) -> Any:
        probabilities, values = model(states, training=True)
        values = ops.squeeze(values, -1)
        chosen = ops.sum(probabilities * ops.one_hot(actions, 2), axis=1)
        advantage = ops.stop_gradient(returns - values)
        actor_loss = -ops.sum(ops.log(chosen) * advantage)
        loss = actor_loss + huber(returns, values)
        gradients = keras.grad(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    return learn


def discounted(rewards: list[float], gamma: float) -> np.ndarray:
    """What each step led to, normalised over the episode."""
    returns, total = [], 0.0
    for reward in reversed(rewards):
        total = reward + gamma * total
        returns.append(total)
    found = np.array(returns[::-1], "float32")
    return (found - found.mean()) / (found.std() + 1e-6)


def main(episodes: int = 400, seed: int = 1, verbose: int = 1) -> dict[str, float]:
    """Play until the running reward is above 150 of 200. Returns it, episodes, microseconds per action."""
    keras.utils.set_random_seed(seed)
    environment, random = CartPole(seed), np.random.default_rng(seed)
    model = network()
    learn = learner(model, keras.optimizers.Adam(learning_rate=0.01))
    act = keras.function(
        lambda states: model(states)[0], input_signature=[keras.TensorSpec((None, 4))]
    )
    running, played, spent, asked = 0.0, 0, 0.0, 0
    for played in range(1, episodes + 1):
        state, states, actions, rewards, over = environment.reset(), [], [], [], False
        while not over:
            started = time.perf_counter()
            probabilities = act(state[None])[0]
            spent, asked = spent + time.perf_counter() - started, asked + 1
            states.append(state)
            actions.append(int(random.random() < probabilities[1]))
            state, reward, over = environment.step(actions[-1])
            rewards.append(reward)
        learn(np.array(states), np.array(actions), discounted(rewards, 0.99))
        running = 0.05 * sum(rewards) + 0.95 * running
        if verbose and played % 20 == 0:
            print(f"episode {played:4d}  running reward {running:6.1f}")
        if running > 150:
            break
    per_action = spent / asked * 1e6
    if verbose:
        print(f"{played} episodes, running reward {running:.1f}, {per_action:.0f} us per action")
    return {"running_reward": running, "episodes": played, "microseconds": per_action}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--episodes", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    main(options.episodes, options.seed)
