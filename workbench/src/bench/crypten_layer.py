"""One encoder layer of BERT under CrypTen, for `viewless bench --against crypten`.

Two processes of one thread each, inputs and weights encrypted. With `crypten` CrypTen's own functions: softmax with its maximum, GeLU by its tanh,
layer normalisation by its square root and reciprocal. With `secformer` those of SecFormer (arXiv 2401.00793, algorithms 1 to 3) over CrypTen's
operations: a Fourier series of seven sines by one opening each for all of them, Goldschmidt's division and inverse square root. Prints one line of JSON:
seconds and processor seconds of all processes, without those of a first layer that nobody counts.
"""

import json
import math
import sys
import time

import crypten
import crypten.mpc
import torch


class CrypTen:
    """CrypTen's own functions."""

    @staticmethod
    def softmax(scores):
        return scores.softmax(-1)

    @staticmethod
    def gelu(x):
        inner = (x + x.square() * x * 0.044715) * math.sqrt(2 / math.pi)
        return x * (inner.tanh() + 1) * 0.5

    @staticmethod
    def inverse_deviation(variance):
        return (variance + 1e-12).sqrt().reciprocal()


class SecFormer:
    """SecFormer's functions: 2Quad with c = 5, deflated by 5000, 13 steps; GeLU by seven sines of period 20; 11 steps, deflated by 2000."""

    BETA = (1.25772, -0.0299154, 0.382155, -0.0519123, 0.196033, -0.0624557, 0.118029)

    @staticmethod
    def softmax(scores):
        numerator = (scores + 5).square()
        quotient = numerator.sum(-1, keepdim=True) * (1 / 5000)
        result = numerator * (1 / 5000)
        for _ in range(13):
            step = 2 - quotient
            result = result * step
            quotient = quotient * step
        return result

    @classmethod
    def gelu(cls, x):
        below, above = x < -1.7 * math.sqrt(2), x > 1.7 * math.sqrt(2)
        erf = (1 - below - above) * cls.series(x * (1 / math.sqrt(2))) - below + above
        return (erf + 1) * (x * 0.5)

    @classmethod
    def series(cls, x):
        # Masks and their sines, as a dealer would hand them out: made in clear from a common seed, because only the time is looked at.
        masks = 20 * torch.rand(x.size()) - 10
        opened = (x - crypten.cryptensor(masks)).get_plain_text()
        total = 0
        for k, beta in enumerate(cls.BETA, 1):
            angle = k * math.pi / 10
            sine, cosine = (crypten.cryptensor(f(angle * masks)) for f in (torch.sin, torch.cos))
            total = total + (cosine * torch.sin(angle * opened) + sine * torch.cos(angle * opened)) * beta
        return total

    @staticmethod
    def inverse_deviation(variance):
        quotient = variance * (1 / 2000)
        result = None
        for _ in range(11):
            step = (3 - quotient) * 0.5
            quotient = quotient * step.square()
            result = step if result is None else result * step
        return result * (1 / math.sqrt(2000))


FUNCTIONS = {"crypten": CrypTen, "secformer": SecFormer}


def layer_norm(functions, x, gamma, beta):
    centred = x - x.mean(-1, keepdim=True)
    variance = centred.square().mean(-1, keepdim=True)
    return centred * functions.inverse_deviation(variance) * gamma + beta


def encoder_layer(functions, x, weights, tokens, heads):
    hidden = x.size(-1)

    def linear(x, name):
        return x.matmul(weights[name]) + weights[name + "_bias"]

    def split(x):
        return x.reshape(tokens, heads, hidden // heads).transpose(0, 1)

    query, key, value = (split(linear(x, name)) for name in ("query", "key", "value"))
    scores = query.matmul(key.transpose(1, 2)) * (1 / math.sqrt(hidden // heads))
    context = functions.softmax(scores).matmul(value).transpose(0, 1).reshape(tokens, hidden)
    x = layer_norm(functions, x + linear(context, "output"), weights["gamma"], weights["beta"])
    inner = linear(functions.gelu(linear(x, "up")), "down")
    return layer_norm(functions, x + inner, weights["gamma"], weights["beta"])


@crypten.mpc.run_multiprocess(world_size=2)
def measure(name, tokens, hidden, intermediate, heads, runs):
    torch.set_num_threads(1)
    torch.manual_seed(0)

    def encrypted(*shape):
        return crypten.cryptensor(0.02 * torch.randn(*shape))

    weights = {"gamma": encrypted(hidden), "beta": encrypted(hidden)}
    sizes = {name: (hidden, hidden) for name in ("query", "key", "value", "output")}
    sizes |= {"up": (hidden, intermediate), "down": (intermediate, hidden)}
    for linear, (rows, columns) in sizes.items():
        weights[linear], weights[linear + "_bias"] = encrypted(rows, columns), encrypted(columns)
    x = crypten.cryptensor(torch.randn(tokens, hidden))
    spent = []
    for run in range(runs + 1):
        processor, started = time.process_time(), time.perf_counter()
        encoder_layer(FUNCTIONS[name], x, weights, tokens, heads)
        spent.append((time.perf_counter() - started, time.process_time() - processor))
    return spent[1:]


if __name__ == "__main__":
    of_processes = measure(sys.argv[1], *map(int, sys.argv[2:]))
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
