"""A circuit as a program of its own: what it computes over the reals, in plain Python, without rings, shares or rounding.

    echo '[{"client x": [1.0, 2.0]}]' | python3 PROGRAM.py [--every]

reads, for each circuit of the program, its inputs by owner and name, row-major, and prints a line of JSON: its outputs by name and, with
--every, the value of every node, each as [shape, elements], as far as it came.

A tensor is a list of tensors, outermost axis first, and a tensor without axes a number; bits are the numbers 0 and 1. The operations are
written from the documentation of `protocols/src/circuit/`, `shape.rs` and `windows.rs`, not from viewless's interpreters: where that does not
say what to do, it is to be mended first. None of them is computed by strides and positions, as all of viewless is.
"""

import json
import math
import sys


# Tensors.


def shape(x):
    return [len(x)] + (shape(x[0]) if x else []) if isinstance(x, list) else []


def elements(x):
    return [element for part in x for element in elements(part)] if isinstance(x, list) else [x]


def tensor(flat, to):
    """Elements in their order under a shape."""
    if math.prod(to) != len(flat):
        raise ValueError(f"{len(flat)} elements for the shape {to}")
    for length in reversed(to[1:]):
        flat = [flat[i : i + length] for i in range(0, len(flat), length)]
    return flat if to else flat[0]


def each(function, x):
    return [each(function, part) for part in x] if isinstance(x, list) else function(x)


def along(axis, function, x):
    """A function of tensors, at every place along the axes before an axis."""
    return function(x) if axis == 0 else [along(axis - 1, function, part) for part in x]


def broadcast(x, to):
    """Repeats elements along axes of length 1 and along new leading axes, up to a shape."""
    if not to:
        return x
    if len(shape(x)) < len(to):
        return [broadcast(x, to[1:]) for _ in range(to[0])]
    if len(x) == to[0]:
        return [broadcast(part, to[1:]) for part in x]
    (only,) = x
    return [broadcast(only, to[1:]) for _ in range(to[0])]


def together(function, x, y):
    """A function of two elements; tensors are broadcast, aligned at the right."""
    a, b = shape(x), shape(y)
    rank = max(len(a), len(b))
    a, b = [1] * (rank - len(a)) + a, [1] * (rank - len(b)) + b
    to = [m if n == 1 else n for m, n in zip(a, b)]
    return both(function, broadcast(x, to), broadcast(y, to))


def both(function, x, y):
    """The same of two tensors of one shape."""
    if isinstance(x, list):
        return [both(function, *parts) for parts in zip(x, y, strict=True)]
    return function(x, y)


# Numbers.


def add(x, y):
    return together(lambda x, y: x + y, x, y)


def sub(x, y):
    return together(lambda x, y: x - y, x, y)


def neg(x):
    return each(lambda x: -x, x)


def scale(x, factor):
    return each(lambda x: factor * x, x)


def offset(x, summand):
    return each(lambda x: summand + x, x)


def shift(x, exponent):
    """Times a power of two."""
    return each(lambda x: math.ldexp(x, exponent), x)


def precision(x):
    """Guard bits are of no account over the reals."""
    return x


def mul(x, y):
    return together(lambda x, y: x * y, x, y)


def square(x):
    return each(lambda x: x * x, x)


def total(terms):
    """From the first term on: neither `sum` nor `math.fsum`, which round otherwise."""
    result, *rest = terms
    for term in rest:
        result = result + term
    return result


def matmul(x, y):
    """Over the last two axes; leading axes are a batch, which one matrix on the right may serve."""
    if len(shape(x)) > 2:
        serves_all = len(shape(y)) == 2
        return [matmul(part, y if serves_all else other) for part, other in zip(x, x if serves_all else y, strict=True)]
    columns = list(zip(*y, strict=True))
    return [[total(a * b for a, b in zip(row, column, strict=True)) for column in columns] for row in x]


def sum_over(x, axis):
    """The axis keeps length 1."""

    def summed(parts):
        first, *rest = parts
        for part in rest:
            first = add(first, part)
        return [first]

    return along(axis, summed, x)


# Rearrangements.


def reshape(x, to):
    return tensor(elements(x), to)


def transpose(x, order):
    """Axis i of the result is axis order[i] of x."""
    lengths = shape(x)

    def built(index):
        """The part of the result with these indices of its first axes."""
        if len(index) < len(order):
            return [built(index + [i]) for i in range(lengths[order[len(index)]])]
        of_argument = dict(zip(order, index))
        part = x
        for axis in range(len(order)):
            part = part[of_argument[axis]]
        return part

    return built([])


def slice_of(x, axis, start, length):
    return along(axis, lambda parts: parts[start : start + length], x)


def windows(x, axis, start, lengths, steps):
    """Element (i, j) of the two axes is element start + i steps[0] + j steps[1] of the one, or zero where that lies outside."""

    def taken(parts):
        zero = each(lambda _: 0.0, parts[0])

        def element(at):
            return parts[at] if 0 <= at < len(parts) else zero

        positions, taps = lengths
        return [[element(start + i * steps[0] + j * steps[1]) for j in range(taps)] for i in range(positions)]

    return along(axis, taken, x)


def concat(parts, axis):
    if axis == 0:
        return [row for part in parts for row in part]
    return [concat(rows, axis - 1) for rows in zip(*parts, strict=True)]


# Bits.


def less(x, y):
    return together(lambda x, y: 1 if x < y else 0, x, y)


def less_than(x, bound):
    return each(lambda x: 1 if x < bound else 0, x)


def equal(x, y):
    return together(lambda x, y: 1 if x == y else 0, x, y)


def and_(a, b):
    return together(lambda a, b: a & b, a, b)


def xor(a, b):
    return together(lambda a, b: a ^ b, a, b)


def not_(a):
    return each(lambda a: 1 - a, a)


def select(bit, x):
    """The value where the bit is 1, zero elsewhere."""
    return together(lambda bit, x: x if bit else 0.0, bit, x)


def real(a):
    return each(float, a)


# Functions with one opening.


def fourier(x, period, constant, cosines, sines, modulus=None):
    """A trigonometric sum, of the remainder of x modulo a length where one is given."""

    def at(x):
        if modulus is not None:
            x = x % modulus
        angle = 2 * math.pi * x / period
        waves = [a * math.cos(k * angle) for k, a in enumerate(cosines, 1)]
        waves += [b * math.sin(k * angle) for k, b in enumerate(sines, 1)]
        return total([constant] + waves)

    return each(at, x)


def lookup(x, index_fraction_bits, entries):
    """Entry i belongs to the x for which floor(x 2^index_fraction_bits) is i modulo the number of entries."""
    return each(lambda x: entries[math.floor(math.ldexp(x, index_fraction_bits)) % len(entries)], x)


def power(x, modulus_bits, sector_bits):
    """2^x, where x counts modulo M: of the number from Y - M to below Y that x is then, and 0 above 0."""
    modulus, sector = 2**modulus_bits, 2**sector_bits

    def at(x):
        x = math.fmod(x, modulus)
        if x >= sector:
            x -= modulus
        elif x < sector - modulus:
            x += modulus
        return 2.0**x if x <= 0 else 0.0

    return each(at, x)


def level(x, index_bits, step_exponent):
    """Of each row the multiple of the step next below its largest element, among those from -half on, below half."""
    step = 2.0**step_exponent
    half = 2.0 ** (index_bits + step_exponent - 1)

    def of(row):
        below = math.floor(max(row) / step) * step
        return [min(max(below, -half), half - step)]

    return along(len(shape(x)) - 1, of, x)


def main(circuits):
    every = "--every" in sys.argv[1:]

    def written(x):
        # JSON has only numbers that are finite; the others are words.
        return [shape(x), [float(element) if math.isfinite(element) else str(element) for element in elements(x)]]

    for circuit, given in zip(circuits, json.load(sys.stdin), strict=True):
        values, outputs, failed = [], {}, None
        try:
            circuit(given, values, outputs)
        except Exception as error:
            if not every:
                raise
            failed = repr(error)
        answer = {"outputs": {name: written(value) for name, value in outputs.items()}}
        if every:
            answer |= {"values": [written(value) for value in values], "failed": failed}
        print(json.dumps(answer))


# The circuits.
