#!/usr/bin/env python3
"""One training step of the paper's network in PyTorch or JAX, timed on the CPU in single precision.

    python step.py --framework torch --threads 1

The same work as `cargo bench --bench training_step -- --rule odr`: a leaky network of 256 softplus units (alpha 0.2)
with fresh Gaussian noise on every unit at every step, 15 inputs, 9 sigmoid outputs, 64 trials of 175 steps; masked
least squares; gradients through all steps, their entries clipped to ±1; Adam. Inputs, targets and mask are random: no
operation's time depends on them.

The step and the forward pass are timed with the noise and without it, in turns. Prints one line of JSON: the shortest
and the median time of each in milliseconds, and the cost before and after the training without noise.
"""

import argparse
import importlib
import json
import math
import os
import statistics
import time

TRIALS, STEPS, INPUTS, UNITS, OUTPUTS = 64, 175, 15, 256, 9
ALPHA = 0.2
NOISE = math.sqrt(2 / ALPHA) * 0.05
LEARNING_RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8
CLIP = 1.0


def problem():
    """Weights, and a batch of inputs, targets and mask, each (time, trial, channel)."""
    import numpy

    random = numpy.random.default_rng(0)
    single = numpy.float32
    weights = {
        "w_in": random.normal(0, 1 / math.sqrt(INPUTS), (INPUTS, UNITS)),
        "w_rec": 0.5 * numpy.linalg.qr(random.normal(size=(UNITS, UNITS)))[0],
        "b_rec": numpy.zeros(UNITS),
        "w_out": random.normal(0, 1 / math.sqrt(UNITS), (UNITS, OUTPUTS)),
        "b_out": numpy.zeros(OUTPUTS),
    }
    weights = {name: values.astype(single) for name, values in weights.items()}
    inputs = random.normal(0, 0.3, (STEPS, TRIALS, INPUTS)).astype(single)
    targets = random.uniform(0.05, 0.85, (STEPS, TRIALS, OUTPUTS)).astype(single)
    mask = random.choice([0.0, 1.0, 5.0], (STEPS, TRIALS, OUTPUTS)).astype(single)
    return weights, (inputs, targets, mask)


def in_torch(noise):
    """The calls to time, in PyTorch: a training step, a forward pass. Each returns the cost."""
    import torch
    from torch.nn.functional import softplus

    weights, batch = problem()
    weights = {name: torch.nn.Parameter(torch.from_numpy(values)) for name, values in weights.items()}
    batch = [torch.from_numpy(values) for values in batch]
    optimizer = torch.optim.Adam(weights.values(), LEARNING_RATE, (BETA1, BETA2), EPSILON, fused=True)

    def cost():
        inputs, targets, mask = batch
        # All that does not depend on the rates is done for all steps at once.
        drive = inputs @ weights["w_in"] + weights["b_rec"]
        if noise:
            drive = drive + NOISE * torch.randn(drive.shape)
        rates, all_rates = torch.zeros(TRIALS, UNITS), []
        for now in drive.unbind():
            rates = (1 - ALPHA) * rates + ALPHA * softplus(torch.addmm(now, rates, weights["w_rec"]))
            all_rates.append(rates)
        outputs = torch.sigmoid(torch.stack(all_rates) @ weights["w_out"] + weights["b_out"])
        return ((outputs - targets) * mask).square().mean()

    def step():
        optimizer.zero_grad()
        value = cost()
        value.backward()
        torch.nn.utils.clip_grad_value_(weights.values(), CLIP)
        optimizer.step()
        return value.item()

    @torch.no_grad()
    def forward():
        return cost().item()

    return step, forward


def in_jax(noise):
    """The calls to time, in JAX: a training step, a forward pass. Each returns the cost."""
    import jax
    import jax.numpy as jnp

    weights, batch = problem()
    weights, batch = jax.tree.map(jnp.asarray, (weights, batch))

    def cost(weights, batch, key):
        inputs, targets, mask = batch
        drive = inputs @ weights["w_in"] + weights["b_rec"]
        if noise:
            drive = drive + NOISE * jax.random.normal(key, drive.shape)

        def advance(rates, now):
            rates = (1 - ALPHA) * rates + ALPHA * jax.nn.softplus(now + rates @ weights["w_rec"])
            return rates, rates

        _, rates = jax.lax.scan(advance, jnp.zeros((TRIALS, UNITS)), drive)
        outputs = jax.nn.sigmoid(rates @ weights["w_out"] + weights["b_out"])
        return jnp.mean(jnp.square((outputs - targets) * mask))

    def update(state, batch, key):
        weights, mean, square, count = state
        key, draw = jax.random.split(key)
        value, gradients = jax.value_and_grad(cost)(weights, batch, draw)
        gradients = jax.tree.map(lambda entry: jnp.clip(entry, -CLIP, CLIP), gradients)
        count += 1
        mean = jax.tree.map(lambda old, new: BETA1 * old + (1 - BETA1) * new, mean, gradients)
        square = jax.tree.map(lambda old, new: BETA2 * old + (1 - BETA2) * new * new, square, gradients)
        rate = LEARNING_RATE * jnp.sqrt(1 - BETA2**count) / (1 - BETA1**count)
        weights = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + EPSILON), weights, mean, square)
        return (weights, mean, square, count), key, value

    def peek(weights, batch, key):
        key, draw = jax.random.split(key)
        return key, cost(weights, batch, draw)

    update = jax.jit(update, donate_argnums=(0, 2))
    peek = jax.jit(peek)
    zeros = jax.tree.map(jnp.zeros_like, weights)
    state = (weights, zeros, jax.tree.map(jnp.copy, zeros), jnp.zeros((), jnp.float32))
    key = jax.random.key(0)

    def step():
        nonlocal state, key
        state, key, value = update(state, batch, key)
        jax.block_until_ready(state)
        return float(value)

    def forward():
        nonlocal key
        key, value = peek(state[0], batch, key)
        return float(value)

    return step, forward


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--framework", choices=["torch", "jax"], required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=15, help="timed steps, after 5 that warm up")
    arguments = parser.parse_args()

    # Before the import: XLA has as many threads as it sees cores then.
    cores = sorted(os.sched_getaffinity(0))
    if not 1 <= arguments.threads <= len(cores):
        parser.error(f"{arguments.threads} threads asked for, {len(cores)} cores to be had")
    os.sched_setaffinity(0, cores[: arguments.threads])
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    os.environ["JAX_PLATFORMS"] = "cpu"
    module = importlib.import_module(arguments.framework)
    if arguments.framework == "torch":
        module.set_num_threads(arguments.threads)
        make = in_torch
    else:
        make = in_jax
    (step, forward), (plain_step, plain_forward) = make(noise=True), make(noise=False)

    first = plain_step()
    for _ in range(4):
        plain_step()
    for work in (step, forward, plain_forward):
        for _ in range(5):
            work()
    works = {
        "step": step,
        "forward": forward,
        "step_without_noise": plain_step,
        "forward_without_noise": plain_forward,
    }
    times = {name: [] for name in works}
    for _ in range(arguments.repeats):
        for name, work in works.items():
            begin = time.perf_counter()
            work()
            times[name].append(1e3 * (time.perf_counter() - begin))
    last = plain_step()
    if not last < first:
        raise SystemExit(f"the cost went from {first} to {last}: this was no training")

    result = {"framework": arguments.framework, "version": module.__version__, "threads": arguments.threads}
    for name, values in times.items():
        result[f"{name}_ms"] = round(min(values), 2)
        result[f"{name}_median_ms"] = round(statistics.median(values), 2)
    # Of training without noise, where the frameworks must agree.
    print(json.dumps(result | {"first_cost": round(first, 5), "last_cost": round(last, 5)}))


if __name__ == "__main__":
    main()
