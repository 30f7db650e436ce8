#!/usr/bin/env python3
"""The law of a view by trying everything, which shares nothing with the counter of tables.

    count.py PROGRAM --coalition P0+client [--claim CLAIM] [--most-bits N]
    count.py --stream < LINES

PROGRAM is the text of `viewless dump SUBJECT --form program`. Every word of every input and sample is tried; so only Programs of a few bits
(20, unless --most-bits says otherwise) can be asked about. CLAIM is one of those of docs/certificate.md:

    given-own-samples      given the coalition's inputs, samples and outputs, the messages have one law for all inputs of others
    draws-own-samples      given its inputs and outputs, samples and messages have one law for all inputs of others
    jointly-with-outputs   the same for all inputs and outputs of others

It prints "private", or the largest distance of two laws as a fraction, and ends with 0 if private, with 1 if not.
With --stream, each line is {"program": TEXT, "coalition": ["P0"], "claim": CLAIM, "most_bits": N} and is answered by one line.
"""

import argparse
import json
import sys
from collections import Counter, defaultdict
from fractions import Fraction
from itertools import product
from math import prod

from check import PARTIES, Program, Refused, demand, run

CLAIMS = ("given-own-samples", "draws-own-samples", "jointly-with-outputs")


def places(shape):
    """The indices of a tensor, row-major."""
    return list(product(*map(range, shape)))


def position(index, shape):
    """Where an index is in a tensor that is broadcast: axes are aligned at the right, those of length 1 repeat."""
    at = 0
    for i, axis in zip(index[len(index) - len(shape) :], shape):
        at = at * axis + (i if axis > 1 else 0)
    return at


def signed(word, bits):
    return word - (1 << bits) if word >> (bits - 1) else word


def reversal(word, bits):
    digits = bits.bit_length() - 1
    place = [int(format(i, f"0{digits}b")[::-1], 2) if digits else 0 for i in range(bits)]
    return sum((word >> i & 1) << place[i] for i in range(bits))


ONE = {
    "neg": lambda a, bits, n: -a,
    "not": lambda a, bits, n: ~a,
    "bit-reversal": lambda a, bits, n: reversal(a, bits),
    "shift-left": lambda a, bits, n: a << n[0],
    "shift-right": lambda a, bits, n: a >> n[0],
    "shift-right-arithmetic": lambda a, bits, n: signed(a, bits) >> n[0],
    "convert": lambda a, bits, n: a,
    "table": lambda a, bits, n: n[1 + a],
    "remainder": lambda a, bits, n: a % n[1],
}
TWO = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "and": lambda a, b: a & b,
    "xor": lambda a, b: a ^ b,
}


def sources(v, args):
    """For each element of a moved, joined or summed tensor, the elements (argument, position) that are added up."""
    shape, first = v.shape, args[0].shape
    if v.op == "reshape":
        return [[(0, i)] for i in range(v.size)]
    if v.op == "broadcast":
        return [[(0, position(index, first))] for index in places(shape)]
    if v.op == "transpose":
        order = v.numbers()
        return [[(0, position([index[order.index(axis)] for axis in range(len(first))], first))] for index in places(shape)]
    axis = v.numbers()[0]
    if v.op == "slice":
        start = v.numbers()[1]
        moved = lambda index: [i + start * (at == axis) for at, i in enumerate(index)]
        return [[(0, flat(moved(index), first))] for index in places(shape)]
    if v.op == "windows":
        _, start, _, _, step, tap_step = v.numbers()
        found = []
        for index in places(shape):
            at = start + index[axis] * step + index[axis + 1] * tap_step
            inside = 0 <= at < first[axis]
            found.append([(0, flat([*index[:axis], at, *index[axis + 2 :]], first))] if inside else [])
        return found
    if v.op == "concat":
        parts = [(part, i) for part, arg in enumerate(args) for i in range(arg.shape[axis])]
        found = []
        for index in places(shape):
            part, i = parts[index[axis]]
            found.append([(part, flat([*index[:axis], i, *index[axis + 1 :]], args[part].shape))])
        return found
    if v.op == "sum":
        along = lambda index: ([*index[:axis], i, *index[axis + 1 :]] for i in range(first[axis]))
        return [[(0, flat(one, first)) for one in along(index)] for index in places(shape)]
    raise Refused(f"{v.op} is not counted")


def flat(index, shape):
    """Where an index is in its own tensor."""
    at = 0
    for i, axis in zip(index, shape):
        at = at * axis + i
    return at


def compute(v, args):
    """A function from the words of the arguments to those of the value, with all places looked up beforehand."""
    mask = (1 << v.bits) - 1
    if v.op in TWO:
        left, right = ([position(index, a.shape) for index in places(v.shape)] for a in args)
        f = TWO[v.op]
        return lambda a, b: [f(a[i], b[j]) & mask for i, j in zip(left, right)]
    if v.op in ONE:
        f, bits, numbers = ONE[v.op], args[0].bits, v.numbers()
        return lambda a: [f(word, bits, numbers) & mask for word in a]
    if v.op == "matmul":
        rows, inner, columns = args[0].shape[-2], args[0].shape[-1], v.shape[-1]
        batch, again = prod(v.shape[:-2]), len(args[1].shape) > 2
        terms = [
            [((n * rows + i) * inner + k, (n * again * inner + k) * columns + j) for k in range(inner)]
            for n, i, j in product(range(batch), range(rows), range(columns))
        ]
        return lambda a, b: [sum(a[i] * b[j] for i, j in term) & mask for term in terms]
    found = sources(v, args)
    return lambda *words: [sum(words[part][i] for part, i in of) & mask for of in found]


def count(program, coalition, claim, most_bits):
    """The largest distance of two laws, or None if there is too much to try."""
    values, members = program.values, set(coalition)
    demand(claim in CLAIMS, f"no claim that is counted: {claim}")
    demand(members and members <= program.parties, f"no coalition of its parties: {coalition}")
    drawn = [n for n, v in enumerate(values) if v.op in ("input", "sample")]
    if sum(values[n].bits * values[n].size for n in drawn) > most_bits:
        return None
    steps = [(n, v.arguments, compute(v, [values[a] for a in v.arguments])) for n, v in enumerate(values) if v.local]
    steps += [(n, v.arguments, list) for n, v in enumerate(values) if v.op in ("send", "reveal")]
    steps.sort(key=lambda step: step[0])
    of = lambda op, mine: [n for n, v in enumerate(values) if v.op == op and bool(v.holders & members) == mine]
    outputs = [[n for n, v in enumerate(values) if v.op == "reveal" and (v.to in members) == mine] for mine in (True, False)]
    messages = [n for n, v in enumerate(values) if v.op == "send" and v.to in members]
    own, others = of("input", True), of("input", False)
    given, seen = {
        "given-own-samples": (own + of("sample", True) + outputs[0], messages),
        "draws-own-samples": (own + outputs[0], of("sample", True) + messages),
        "jointly-with-outputs": (own + outputs[0], of("sample", True) + messages),
    }[claim]
    secret = others + (outputs[1] if claim == "jointly-with-outputs" else [])
    laws = defaultdict(lambda: defaultdict(Counter))
    words = [v.words and v.words * (v.size // len(v.words)) for v in values]
    for assignment in product(*(range(1 << values[n].bits) for n in drawn for _ in range(values[n].size))):
        at = iter(assignment)
        for n in drawn:
            words[n] = [next(at) for _ in range(values[n].size)]
        for n, arguments, f in steps:
            words[n] = f(*(words[a] for a in arguments))
        pick = lambda ids: tuple(word for n in ids for word in words[n])
        laws[pick(given)][pick(secret)][pick(seen)] += 1
    return max((distance(laws_of_secrets) for laws_of_secrets in laws.values()), default=Fraction(0))


def distance(laws):
    """The largest total-variation distance of two of these laws."""
    worst, different = Fraction(0), []
    for law in laws.values():
        total = sum(law.values())
        law = {what: Fraction(times, total) for what, times in law.items()}
        if law not in different:
            different.append(law)
    for i, one in enumerate(different):
        for other in different[:i]:
            worst = max(worst, sum(abs(one.get(x, 0) - other.get(x, 0)) for x in one.keys() | other.keys()) / 2)
    return worst


def stream():
    for line in sys.stdin:
        question = json.loads(line)
        try:
            found = count(Program(question["program"]), question["coalition"], question["claim"], question.get("most_bits", 20))
            answer = {"too_large": True} if found is None else {"distance": float(found), "private": found == 0}
        except Refused as why:
            answer = {"refused": str(why)}
        print(json.dumps(answer), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?")
    parser.add_argument("--coalition", default="", help="for instance P0+client")
    parser.add_argument("--claim", choices=CLAIMS, default=CLAIMS[0])
    parser.add_argument("--most-bits", type=int, default=20)
    parser.add_argument("--stream", action="store_true")
    options = parser.parse_args()
    if options.stream:
        return stream()
    coalition = [party for party in options.coalition.split("+") if party]
    if not options.program or not coalition or not set(coalition) <= set(PARTIES):
        parser.error("name the Program's text and a --coalition of its parties")
    with open(options.program, encoding="utf-8", newline="") as text:
        found = count(Program(text.read()), coalition, options.claim, options.most_bits)
    if found is None:
        parser.error("too much to try: shrink its words or its shapes, or allow --most-bits")
    print("private" if found == 0 else f"distance {found}")
    sys.exit(0 if found == 0 else 1)


if __name__ == "__main__":
    run(main)
