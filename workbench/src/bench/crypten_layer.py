"""One encoder layer of BERT under CrypTen, for `viewless bench --against crypten`.

Two processes of one thread each, inputs and weights encrypted, CrypTen's own functions: softmax with its maximum, GeLU by its tanh, layer
normalisation by its square root and reciprocal. Prints one line of JSON: seconds and processor seconds of all processes, without those of a first
layer that nobody counts.
"""

import json
import math
import sys
import time

import crypten
import crypten.mpc
import torch


def layer_norm(x, gamma, beta):
    centred = x - x.mean(-1, keepdim=True)
    variance = centred.square().mean(-1, keepdim=True)
    return centred * (variance + 1e-12).sqrt().reciprocal() * gamma + beta


def gelu(x):
    inner = (x + x.square() * x * 0.044715) * math.sqrt(2 / math.pi)
    return x * (inner.tanh() + 1) * 0.5


def encoder_layer(x, weights, tokens, heads):
    hidden = x.size(-1)

    def linear(x, name):
        return x.matmul(weights[name]) + weights[name + "_bias"]

    def split(x):
        return x.reshape(tokens, heads, hidden // heads).transpose(0, 1)

    query, key, value = (split(linear(x, name)) for name in ("query", "key", "value"))
    scores = query.matmul(key.transpose(1, 2)) * (1 / math.sqrt(hidden // heads))
    context = scores.softmax(-1).matmul(value).transpose(0, 1).reshape(tokens, hidden)
    x = layer_norm(x + linear(context, "output"), weights["gamma"], weights["beta"])
    inner = linear(gelu(linear(x, "up")), "down")
    return layer_norm(x + inner, weights["gamma"], weights["beta"])


@crypten.mpc.run_multiprocess(world_size=2)
def measure(tokens, hidden, intermediate, heads, runs):
    torch.set_num_threads(1)
    torch.manual_seed(0)

    def encrypted(*shape):
        return crypten.cryptensor(0.02 * torch.randn(*shape))

    weights = {"gamma": encrypted(hidden), "beta": encrypted(hidden)}
    sizes = {name: (hidden, hidden) for name in ("query", "key", "value", "output")}
    sizes |= {"up": (hidden, intermediate), "down": (intermediate, hidden)}
    for name, (rows, columns) in sizes.items():
        weights[name], weights[name + "_bias"] = encrypted(rows, columns), encrypted(columns)
    x = crypten.cryptensor(torch.randn(tokens, hidden))
    spent = []
    for run in range(runs + 1):
        processor, started = time.process_time(), time.perf_counter()
        encoder_layer(x, weights, tokens, heads)
        spent.append((time.perf_counter() - started, time.process_time() - processor))
    return spent[1:]


if __name__ == "__main__":
    of_processes = measure(*map(int, sys.argv[1:]))
    if of_processes is None:
        sys.exit("a process of CrypTen failed")
    runs = list(zip(*of_processes))
    print(
        json.dumps(
            {
                "crypten": "0.4.1",
                "torch": torch.__version__,
                "seconds": min(max(seconds for seconds, _ in run) for run in runs),
                "processor_seconds": min(sum(processor for _, processor in run) for run in runs),
            }
        )
    )
