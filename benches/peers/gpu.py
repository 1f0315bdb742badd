"""A training step of odr (64 trials, 175 steps, 256 units; noise, clipping, Adam) in PyTorch and JAX on a GPU, and cuDNN's
own networks (plain, GRU, LSTM; without noise, cost and optimiser) of the same size. `benches/gpu.sh` runs it."""

import math
import statistics
import time

import numpy as np

STEPS, TRIALS, INPUTS, UNITS, OUTPUTS = 175, 64, 15, 256, 9
ALPHA, NOISE, LIMIT = 0.2, math.sqrt(10) * 0.05, 1.0

random = np.random.default_rng(0)
WEIGHTS = {
    "w_in": random.normal(0, 1 / math.sqrt(INPUTS), (INPUTS, UNITS)),
    "w_rec": 0.5 * np.linalg.qr(random.normal(size=(UNITS, UNITS)))[0],
    "b_rec": np.zeros(UNITS),
    "w_out": random.normal(0, 1 / math.sqrt(UNITS), (UNITS, OUTPUTS)),
    "b_out": np.zeros(OUTPUTS),
}
WEIGHTS = {name: value.astype(np.float32) for name, value in WEIGHTS.items()}
BATCH = [
    random.normal(0, 0.3, (STEPS, TRIALS, INPUTS)).astype(np.float32),
    random.uniform(0.05, 0.85, (STEPS, TRIALS, OUTPUTS)).astype(np.float32),
    random.choice([0.0, 1.0, 5.0], (STEPS, TRIALS, OUTPUTS)).astype(np.float32),
]


def clock(name, step, wait, times=30):
    for _ in range(5):
        step()
    wait()
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        step()
        wait()
        found.append(1e3 * (time.perf_counter() - begin))
    print(f"| {name} | {statistics.median(found):.3f} |", flush=True)


def in_torch():
    import torch

    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    weights = {name: torch.nn.Parameter(torch.from_numpy(value).cuda()) for name, value in WEIGHTS.items()}
    inputs, targets, mask = [torch.from_numpy(value).cuda() for value in BATCH]
    optimizer = torch.optim.Adam(weights.values(), 1e-3, fused=True, capturable=True)

    def cost():
        drive = inputs @ weights["w_in"] + weights["b_rec"]
        drive = drive + NOISE * torch.randn(STEPS, TRIALS, UNITS, device="cuda")
        rates, history = torch.zeros(TRIALS, UNITS, device="cuda"), []
        for now in drive.unbind():
            renewed = torch.nn.functional.softplus(torch.addmm(now, rates, weights["w_rec"]))
            rates = (1 - ALPHA) * rates + ALPHA * renewed
            history.append(rates)
        outputs = torch.sigmoid(torch.stack(history) @ weights["w_out"] + weights["b_out"])
        return ((outputs - targets) * mask).square().mean()

    def step():
        optimizer.zero_grad(set_to_none=False)
        cost().backward()
        torch.nn.utils.clip_grad_value_(weights.values(), LIMIT)
        optimizer.step()

    clock(f"PyTorch {torch.__version__}, as it comes", step, torch.cuda.synchronize, 10)
    clock(f"PyTorch {torch.__version__}, a captured CUDA graph", captured(torch, step), torch.cuda.synchronize)
    for name, network in [
        ("plain tanh", torch.nn.RNN(INPUTS, UNITS)),
        ("GRU", torch.nn.GRU(INPUTS, UNITS)),
        ("LSTM", torch.nn.LSTM(INPUTS, UNITS)),
    ]:
        network = network.cuda()

        def both_ways(network=network):
            network.zero_grad(set_to_none=False)
            network(inputs)[0].sum().backward()

        both_ways()
        clock(f"cuDNN, {name}, forward and back", captured(torch, both_ways), torch.cuda.synchronize)


def captured(torch, step):
    """A step that is captured once and replayed, without Python and without the cost of launching."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def in_jax():
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_default_matmul_precision", "highest")
    weights = jax.tree.map(jnp.asarray, WEIGHTS)
    inputs, targets, mask = map(jnp.asarray, BATCH)

    def cost(weights, key):
        drive = inputs @ weights["w_in"] + weights["b_rec"]
        drive = drive + NOISE * jax.random.normal(key, (STEPS, TRIALS, UNITS))

        def advance(rates, now):
            rates = (1 - ALPHA) * rates + ALPHA * jax.nn.softplus(now + rates @ weights["w_rec"])
            return rates, rates

        _, history = jax.lax.scan(advance, jnp.zeros((TRIALS, UNITS)), drive)
        outputs = jax.nn.sigmoid(history @ weights["w_out"] + weights["b_out"])
        return jnp.mean(jnp.square((outputs - targets) * mask))

    def update(state, key):
        weights, means, squares, count = state
        key, now = jax.random.split(key)
        gradients = jax.tree.map(lambda one: jnp.clip(one, -LIMIT, LIMIT), jax.grad(cost)(weights, now))
        count += 1
        means = jax.tree.map(lambda mean, one: 0.9 * mean + 0.1 * one, means, gradients)
        squares = jax.tree.map(lambda square, one: 0.999 * square + 0.001 * one * one, squares, gradients)
        rate = 1e-3 * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        moved = jax.tree.map(lambda w, m, s: w - rate * m / (jnp.sqrt(s) + 1e-8), weights, means, squares)
        return (moved, means, squares, count), key

    update = jax.jit(update, donate_argnums=(0, 1))
    zeros = jax.tree.map(jnp.zeros_like, weights)
    box = [((weights, zeros, jax.tree.map(jnp.copy, zeros), jnp.zeros((), jnp.float32)), jax.random.key(0))]

    def step():
        box[0] = update(*box[0])

    clock(f"JAX {jax.__version__}, jit and scan", step, lambda: jax.block_until_ready(box[0]))


print("| odr, 64 trials, 256 units | ms |\n| --- | ---: |")
for framework in in_torch, in_jax:
    try:
        framework()
    except Exception as problem:
        print(f"| {framework.__name__[3:]} | could not be run: {str(problem).splitlines()[0][:120] if str(problem) else repr(problem)} |")
