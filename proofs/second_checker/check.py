#!/usr/bin/env python3
"""A second checker of privacy proofs, which shares nothing with the first.

    check.py FILE PROGRAM [--coalition P0+client]... [--largest-distance D]
    check.py --stream < LINES

FILE is what `viewless prove SUBJECT --certificate FILE` wrote, or one certificate; PROGRAM is the text of `viewless dump SUBJECT
--form program`, which states what the proof is about. Every party alone is a coalition of which privacy is promised; --coalition adds
one. It prints "holds" or "refused" for each, and ends with 0 only if every promised coalition holds.
With --stream, each line is {"program": TEXT, "certificate": {...}}, the Program only if it is another, and is answered by one line.

Its rules are from proofs/SOUNDNESS.md and docs/certificate.md alone, whose sections the comments name. Nothing of a file is believed.
"""

import argparse
import json
import math
import re
import sys
from collections import Counter
from fractions import Fraction

from blake3 import blake3

PARTIES = ["P0", "P1", "P2", "dealer", "client", "model-owner"]
IN_CERTIFICATES = dict(zip(["P0", "P1", "P2", "Dealer", "Client", "ModelOwner"], PARTIES))
ELEMENTWISE = {"add": "Z", "sub": "Z", "mul": "Z", "and": "X", "xor": "X"}
MOVES = ("reshape", "transpose", "broadcast", "slice", "windows")


class Refused(Exception):
    """What was wrong, and where."""


def demand(condition, why):
    if not condition:
        raise Refused(why)


# ---- Section 1: the Program as text.

VALUE = re.compile(r"%(\d+): ([ZX])(\d+)\[([\d,]*)\] \{([\w,-]*)\} = (.*)")
LOCAL = re.compile(r"([a-z-]+)((?: [^%]+?)?)((?: %\d+)+)")


class Value:
    """One line: its name, its parameters as text (`what` is both), and the values that it is made of."""

    def __init__(self, number, line):
        match = VALUE.fullmatch(line)
        demand(match and int(match[1]) == number, f"line of %{number} expected: {line[:80]}")
        self.ring, self.bits = match[2], int(match[3])
        self.shape = [int(axis) for axis in match[4].split(",")] if match[4] else []
        self.holders, text = set(match[5].split(",")), match[6]
        self.size, self.words, self.local = math.prod(self.shape), None, False
        if match := re.fullmatch(r"(send|reveal) %(\d+) to ([\w-]+)( as .*)?", text):
            self.op, self.arguments, self.to, self.what = match[1], [int(match[2])], match[3], match[1]
            demand((match[1] == "reveal") == bool(match[4]), f"%{number}: {text[:80]}")
        elif re.fullmatch(r'(input ".*" fraction \d+|sample stream \d+( for the model)?|constant( \d+)+)', text):
            self.op, self.arguments, self.what = text.split(" ", 1)[0], [], text
            if self.op == "constant":
                self.words = [int(word) for word in text.split(" ")[1:]]
        else:
            match = LOCAL.fullmatch(text)
            demand(match, f"%{number}: no operation: {text[:80]}")
            self.op, self.parameters, self.local = match[1], match[2].strip(), True
            self.what, self.arguments = match[1] + match[2], [int(word[1:]) for word in match[3].split()]
        demand(all(a < number for a in self.arguments), f"%{number}: an argument does not stand before it")

    def numbers(self):
        return [int(word) for word in re.findall(r"-?\d+", self.parameters)]


def broadcast(a, b):
    a, b = [1] * (len(b) - len(a)) + a, [1] * (len(a) - len(b)) + b
    demand(all(x == y or 1 in (x, y) for x, y in zip(a, b)), f"shapes {a} and {b} do not fit")
    return [y if x == 1 else x for x, y in zip(a, b)]


def derive(v, args):
    """The domain and shape of a computation, as its arguments and parameters give it; refused where it is none."""
    first, op, axis = args[0], v.op, None
    domain, shape = (first.ring, first.bits), list(first.shape)
    count = {"add": 2, "sub": 2, "mul": 2, "and": 2, "xor": 2, "matmul": 2}.get(op, len(args) if op == "concat" else 1)
    demand(len(args) == count and all((a.ring, a.bits) == domain for a in args), "arguments of a wrong number or domain")
    needs = {"neg": "Z", "matmul": "Z", "sum": "Z", "shift-right-arithmetic": "Z", "not": "X", "bit-reversal": "X"} | ELEMENTWISE
    demand(needs.get(op, first.ring) == first.ring, f"{op} is not defined on {first.ring}")
    if op in ("sum", "concat", "slice", "windows"):
        axis = int(re.match(r"axis (\d+)", v.parameters)[1])
        demand(axis < len(shape), "no such axis")
    if op in ELEMENTWISE:
        shape = broadcast(shape, args[1].shape)
    elif op == "matmul":
        left, right = shape, args[1].shape
        demand(len(left) >= 2 and len(right) >= 2 and left[-1] == right[-2], "matrices do not fit")
        demand(len(right) == 2 or left[:-2] == right[:-2], "leading axes differ")
        shape = left[:-1] + right[-1:]
    elif op == "sum":
        shape[axis] = 1
    elif op in ("shift-left", "shift-right", "shift-right-arithmetic"):
        demand(v.numbers()[0] < first.bits, "shift by the whole width")
    elif op in ("convert", "table", "remainder"):
        domain = (v.parameters[0], int(re.match(r"[ZX](\d+)", v.parameters)[1]))
        words = v.numbers()[1:]
        demand(op != "table" or len(words) == 1 << first.bits and max(words) < 1 << domain[1], "a table of another size")
        demand(op != "remainder" or words[0] > 0 and words[0] - 1 < 1 << domain[1], "a remainder that does not fit")
    elif op == "reshape":
        shape = v.numbers()
        demand(math.prod(shape) == first.size, "reshaped to another size")
    elif op == "transpose":
        demand(sorted(v.numbers()) == list(range(len(shape))), "no order of the axes")
        shape = [first.shape[i] for i in v.numbers()]
    elif op == "broadcast":
        shape = v.numbers()
        demand(broadcast(first.shape, shape) == shape, "no broadcasting")
    elif op == "slice":
        _, start, length = v.numbers()
        demand(start + length <= shape[axis], "a slice beyond the end")
        shape[axis] = length
    elif op == "windows":
        words = re.fullmatch(r"axis \d+ from (-?\d+) for (\d+),(\d+) by (-?\d+),(-?\d+)", v.parameters)
        demand(words, "no windows")
        start, positions, taps, step, tap_step = (int(word) for word in words.groups())
        demand(positions > 0 and taps > 0, "no positions or no taps")
        farthest = abs(start) + (positions - 1) * abs(step) + (taps - 1) * abs(tap_step)
        demand(max(positions, taps, farthest) <= 1 << 40, "windows too far away")
        shape[axis : axis + 1] = [positions, taps]
    elif op == "concat":
        rest = [a.shape[:axis] + a.shape[axis + 1 :] for a in args]
        demand(all(len(a.shape) == len(shape) for a in args) and rest.count(rest[0]) == len(rest), "parts do not fit")
        shape[axis] = sum(a.shape[axis] for a in args)
    elif op == "waves":
        domain, shape = (v.ring, v.bits), [v.parameters.count("(")] + shape
    else:
        demand(op in ("neg", "not", "bit-reversal"), f"no operation {op}")
    return domain, shape


class Program:
    """The values of a text, every line checked: the text is the user's, but it is not trusted."""

    def __init__(self, text):
        self.digest = blake3(text.encode())
        lines = text.split("\n")
        head = re.fullmatch(r"program among \{([\w,-]+)\} with model owner [\w-]+", lines[0])
        demand(head and lines[-1] == "", "no text of a Program")
        self.parties, self.values, streams = set(head[1].split(",")), [], set()
        demand(self.parties <= set(PARTIES), "unknown parties")
        for line in lines[1:-1]:
            if line.startswith(("# ", "claim ")):
                continue
            v = Value(len(self.values), line)
            args = [self.values[a] for a in v.arguments]
            demand(v.holders and v.holders <= self.parties and 1 <= v.bits <= 64, f"holders or domain: {line[:80]}")
            demand(v.size > 0, f"an axis of length 0: {line[:80]}")
            if v.op == "sample":
                stream_number = int(v.what.split()[2])
                demand(stream_number not in streams, f"a stream is sampled twice: {line[:80]}")
                streams.add(stream_number)
            elif v.op == "constant":
                demand(v.holders == self.parties and len(v.words) in (1, v.size), f"a constant: {line[:80]}")
                demand(max(v.words) < 1 << v.bits, f"a word is too long: {line[:80]}")
            elif v.op == "input":
                demand(len(v.holders) == 1, f"an input of several: {line[:80]}")
            else:
                domain, shape = derive(v, args) if v.local else ((args[0].ring, args[0].bits), args[0].shape)
                demand(domain == (v.ring, v.bits) and shape == v.shape, f"domain or shape does not follow: {line[:80]}")
                common = set.intersection(*(a.holders for a in args))
                allowed = {"send": v.holders == common | {v.to} and v.to not in common, "reveal": v.holders == {v.to} <= common} \
                    if not v.local else {v.op: v.holders <= common}
                demand(allowed[v.op], f"holders do not follow: {line[:80]}")
            self.values.append(v)


# ---- Section 4: what must be verified.


class Checker:
    def __init__(self, program, certificate):
        self.values, self.certificate, self.distance = program.values, certificate, Fraction(0)
        self.read(program)
        self.find_contents()
        self.find_states()
        self.find_times()
        self.find_uses()
        for i, step in enumerate(certificate["steps"], 1):
            rule = {"uniform": self.uniform, "wide": self.wide, "output": self.output}[step["rule"]]
            try:
                rule(i, step)
            except Refused as why:
                raise Refused(f"step {i} ({step['rule']}): {why}") from None
        self.outputs = [self.origin[n] for n, v in enumerate(self.values) if v.op == "reveal" and v.to in self.coalition]
        self.conditional = False
        self.check_withheld() if self.without_outputs else self.check_outputs()
        demand(self.distance < 1, "4.10: the distance is 1 or more")
        self.check_changes(certificate["simulator"])

    def read(self, program):
        """Section 3: the fields and nothing else, numbers that name values, and a coalition of this Program."""
        c, number = self.certificate, lambda n: type(n) is int and 0 <= n < len(self.values)
        fields = {"format", "digest", "coalition", "simulator", "steps"}
        demand(isinstance(c, dict) and fields <= set(c) <= fields | {"same", "handed", "withheld"}, "3: fields missing or unknown")
        demand(c["format"] == 3, "3: another format")
        demand(c["digest"] == program.digest, "3: it is about another Program")
        claims = ("jointly-with-outputs", "draws-own-samples", "given-own-samples", "given-own-randomness")
        demand(c["simulator"] in claims, "3: no simulator")
        names = c["coalition"]
        demand(isinstance(names, list) and names and all(n in IN_CERTIFICATES for n in names), "3: no coalition")
        self.coalition = {IN_CERTIFICATES[n] for n in names}
        demand(self.coalition <= program.parties, "3: a stranger")
        self.same, self.handed, self.withheld = (c.get(field, []) for field in ("same", "handed", "withheld"))
        self.without_outputs = self.withheld or c["simulator"] == "given-own-randomness"
        pair = {"message", "output"}
        demand(all(isinstance(w, dict) and set(w) == pair and all(map(number, w.values())) for w in self.withheld), "3: nothing is withheld")
        demand(all(isinstance(p, list) and len(p) == 2 and all(map(number, p)) for p in self.same), "3: no pair of values")
        demand(all(map(number, self.handed)), "3: no value is handed")
        form = {"uniform": {"message", "masks"}, "wide": {"message", "masks"}, "output": {"output", "shares"}}
        for step in c["steps"]:
            demand(isinstance(step, dict) and step.get("rule") in form, "3: an unknown rule")
            demand(set(step) == form[step["rule"]] | {"rule"}, "3: fields of a step missing or unknown")
            shares = step.get("shares", [])
            demand(all(isinstance(s, dict) and set(s) == {"message", "mask"} for s in shares), "3: no share")
            named = step.get("masks", []) + [s["message"] for s in shares]
            named += [s["mask"] for s in shares if s["mask"] is not None] + [step[n] for n in ("message", "output") if n in step]
            demand(all(map(number, named)), "3: a number that names no value")

    def find_contents(self):
        """4.1: origins, and the arguments of each by origin."""
        pairs, self.origin = {b: a for a, b in self.same}, []
        demand(all(a < b for a, b in self.same), "4.1: the same as something later")
        self.arguments = []
        for n, v in enumerate(self.values):
            self.arguments.append([self.origin[a] for a in v.arguments])
            if n in pairs:
                other = self.values[pairs[n]]
                demand(v.local and other.local and v.what == other.what, f"4.1: %{n} is another operation")
                demand(self.arguments[n] == self.arguments[pairs[n]], f"4.1: %{n} has other arguments")
                self.origin.append(self.origin[pairs[n]])
            else:
                self.origin.append(n if not v.op in ("send", "reveal") else self.arguments[n][0])
        self.origins = [n for n, o in enumerate(self.origin) if n == o]

    def find_states(self):
        """4.2: Derived, Own, Received or Outside."""
        held = [bool(v.holders & self.coalition) for v in self.values]
        received = {self.origin[n] for n, v in enumerate(self.values) if v.op == "send" and held[n] and not held[v.arguments[0]]}
        received -= {self.origin[w["message"]] for w in self.withheld}
        received |= {self.origin[h] for h in self.handed}
        self.state, self.own = {}, {}
        for o in self.origins:
            v, args = self.values[o], self.arguments[o]
            zero = v.op in ("sub", "xor") and args[0] == args[1]
            zero |= v.op in ("mul", "and") and any(self.values[a].words == [0] for a in args)
            if zero or args and all(self.state[a] != "Outside" for a in args):
                self.state[o] = "Derived"
            elif not args and v.holders & self.coalition:
                self.state[o] = "Own"
            else:
                self.state[o] = "Received" if o in received else "Outside"
            derived = self.state[o] == "Derived"
            self.own[o] = self.state[o] == "Own" or derived and (zero or all(self.own[a] for a in args))

    def find_times(self):
        """4.3: every message has one step."""
        self.time = {}
        for i, step in enumerate(self.certificate["steps"], 1):
            late = step["rule"] == "output"
            for m in [s["message"] for s in step["shares"]] if late else [step["message"]]:
                o = self.origin[m]
                demand(self.state[o] == "Received", f"4.3: step {i}: %{m} is no message")
                demand(o not in self.time, f"4.3: step {i}: %{m} has a step already")
                self.time[o] = math.inf if late else i
        for o in self.origins:
            demand(self.state[o] != "Received" or o in self.time, f"4.3: the message %{o} has no step")

    def find_uses(self):
        """4.4: until when each use matters."""
        last, self.uses = Counter(), {o: [] for o in self.origins}
        for u in reversed(self.origins):
            until = {"Received": self.time.get(u), "Outside": last[u]}.get(self.state[u], 0)
            for p, a in enumerate(self.arguments[u]):
                if until > 0 and self.state[a] == "Outside":
                    last[a] = max(last[a], until)
                    self.uses[a].append((u, p, until))

    def uses_at(self, a, t):
        return [(u, p) for u, p, until in self.uses[a] if until >= t]

    def only_use(self, a, t):
        uses = self.uses_at(a, t)
        demand(len(uses) == 1, f"4.4: %{a} has {len(uses)} uses, to {['%%%d' % u for u, _ in uses[:4]]}")
        return uses[0]

    def mask(self, named, t, slices=True):
        """4.5: a sample outside the view, or a slice of one that no other use overlaps."""
        s, v = self.origin[named], self.values[self.origin[named]]
        if slices and v.op == "slice" and self.values[self.arguments[s][0]].op == "sample":
            (axis, start, length), whole = v.numbers(), self.arguments[s][0]
            for u, _ in self.uses_at(whole, t):
                if u != s:
                    demand(self.values[u].op == "slice", f"4.5: %{whole}, of which %{s} is a slice, is used by %{u}")
                    other, begin, count = self.values[u].numbers()
                    apart = start + length <= begin or begin + count <= start
                    demand(other == axis and apart, f"4.5: the slices %{s} and %{u} overlap")
            demand(self.state[whole] == "Outside", f"4.5: %{whole} is known")
        else:
            demand(v.op == "sample" and self.state[s] == "Outside", f"4.5: %{s} is no sample outside the view")
        return s

    def balanced(self, u, p):
        """4.6: a uniform argument p gives a uniform result."""
        v, a = self.values[u], self.values[self.arguments[u][p]]
        other = self.values[self.arguments[u][1 - p]] if len(self.arguments[u]) == 2 else None
        if v.op in ("add", "sub", "xor", "broadcast"):
            return a.size == v.size
        if v.op == "mul":
            return a.size == v.size and other.words is not None and all(word % 2 for word in other.words)
        if v.op == "matmul":
            return other.words is not None and len(other.words) > 1 and len(other.shape) == 2 and independent(other, p == 0)
        if v.op == "convert":
            return v.bits <= a.bits
        if v.op == "table":
            counts = Counter(v.numbers()[1:])
            return len(counts) == 1 << v.bits and len(set(counts.values())) == 1
        return v.op in ("neg", "not", "bit-reversal", "sum", "reshape", "transpose", "slice")

    def follow(self, named, m, t, joined, widens):
        """4.6 and 4.7: follows one mask; true if it arrives at m, by a conversion to more bits exactly if `widens`."""
        a = self.mask(named, t)
        while a != m:
            u, p = self.only_use(a, t)
            v = self.values[u]
            if self.balanced(u, p):
                a = u
            elif v.op == "concat":
                joined.setdefault(u, set()).add(p)
                if len(joined[u]) < len(self.arguments[u]):
                    return False
                a = u
            elif v.op in ("shift-right", "shift-right-arithmetic"):
                a, _ = self.only_use(u, t)
                narrow = self.values[a].op == "convert" and self.values[a].bits <= v.bits - v.numbers()[0]
                demand(narrow, f"4.6: %{u} is shifted, and %{a} keeps what came in")
            elif v.op == "convert" and widens:
                sum_, p = self.only_use(u, t)
                m_ = self.values[m]
                demand(sum_ == m and m_.op in ("add", "sub"), f"4.7: %{u} is widened, but %{sum_} is not the message as a sum")
                demand(v.size == m_.size, "4.7: what was widened is broadcast")
                j = self.bound(m_.arguments[1 - p], 4)
                self.distance += m_.size * Fraction(2) ** (j - self.values[a].bits)
                return True
            else:
                raise Refused(f"4.6: %{u} ({v.op}) does not keep %{a} uniform")
        return not widens

    def uniform(self, i, step):
        m = self.origin[step["message"]]
        if self.values[m].op == "sample" and [self.origin[s] for s in step["masks"]] == [m]:
            return
        joined = {}
        arrived = [self.follow(s, m, i, joined, False) for s in step["masks"]]
        demand(any(arrived), "4.6: no mask arrives at the message")

    def wide(self, i, step):
        m, joined = self.origin[step["message"]], {}
        demand(any(self.follow(s, m, i, joined, True) for s in step["masks"]), "4.7: no mask is widened")

    def bound(self, n, depth):
        """4.7: bits that a value has because of how it was made."""
        v, width = self.values[n], self.values[n].bits
        below = [self.bound(a, depth - 1) for a in v.arguments] if depth > 0 else []
        if depth == 0:
            return width
        if v.op == "constant":
            return max(v.words).bit_length()
        if v.op in ("send", "reveal", "convert") + MOVES:
            width = min(width, below[0])
        elif v.op == "shift-right":
            width = min(width, max(0, below[0] - v.numbers()[0]))
        elif v.op in ("and", "xor", "concat", "add"):
            width = min(width, min(below) if v.op == "and" else max(below) + (v.op == "add"))
        elif v.op == "table":
            width = min(width, max(v.numbers()[1:]).bit_length())
        elif v.op == "remainder":
            width = min(width, (v.numbers()[1] - 1).bit_length())
        return width

    def factor(self, u, p):
        """4.8: what argument p is multiplied with in u; nothing if u is no such sum."""
        v = self.values[u]
        if v.op in ("add", "xor", "not", "sub", "neg"):
            return -1 if v.op == "neg" or v.op == "sub" and p == 1 else 1
        if v.op == "mul":
            other = self.values[self.arguments[u][1 - p]].words
            if other is not None and len(other) == 1:
                return other[0]
            return 0 if self.values[self.arguments[u][p]].words is not None else None
        return None

    def sum_of(self, r, through="Derived", m=None):
        v = self.values[r]
        demand(v.op == "reveal" and v.to in self.coalition, f"4.8: %{r} is no output of the coalition")
        z = self.origin[r]
        while self.state[z] == through and z != m and self.arguments[z]:
            v, first = self.values[z], self.values[self.arguments[z][0]]
            if not (v.op in ("reshape", "transpose", "bit-reversal") or v.op == "convert" and v.bits == first.bits):
                break
            z = self.arguments[z][0]
        return z

    def summands(self, z):
        factors, todo = {}, [(z, 1)]
        while todo:
            v, f = todo.pop()
            if self.own[v]:
                continue
            if self.state[v] == "Received":
                demand(v not in factors, f"4.8: the share %{v} is met twice")
                factors[v] = f
                continue
            demand(self.arguments[v], f"4.8: %{v} is no sum")
            for p, a in enumerate(self.arguments[v]):
                by = self.factor(v, p)
                demand(by is not None, f"4.8: %{v} ({self.values[v].op}) is no sum")
                demand(self.own[a] or self.values[a].shape == self.values[v].shape, f"4.8: %{a} is broadcast in %{v}")
                todo.append((a, f * by % 2**64))
        return factors

    def output(self, i, step):
        z = self.sum_of(step["output"])
        factors, named = self.summands(z), [(self.origin[s["message"]], s["mask"]) for s in step["shares"]]
        demand(named and sorted(m for m, _ in named) == sorted(factors), "4.8: the shares are not those of the sum")
        last, modulus = named[-1][0], 2 ** self.values[z].bits if self.values[z].ring == "Z" else 2
        demand(named[-1][1] is None and factors[last] % 2, "4.8: the last share has a mask, or an even factor")
        for m, mask in named[:-1]:
            demand(mask is not None, f"4.8: the share %{m} has no mask")
            s, ends = self.mask(mask, i, slices=False), {}
            demand(len(self.uses_at(s, i)) == 2, f"4.8: %{s} has {len(self.uses_at(s, i))} uses")
            for u, p in self.uses_at(s, i):
                d = 1
                while True:
                    by = self.factor(u, p)
                    demand(by is not None and by % 2, f"4.8: %{s} comes to %{u}, no sum or an even product")
                    demand(self.values[u].shape == self.values[s].shape, f"4.8: %{s} is broadcast in %{u}")
                    d *= by
                    if self.state[u] == "Received":
                        break
                    u, p = self.only_use(u, i)
                ends[u] = d
            demand(set(ends) == {m, last}, f"4.8: %{s} comes to other messages than %{m} and %{last}")
            demand((factors[m] * ends[m] + factors[last] * ends[last]) % modulus == 0, f"4.8: %{s} does not cancel")

    def check_outputs(self):
        """4.9: shares and outputs depend on messages through accounted values alone."""
        steps = [step for step in self.certificate["steps"] if step["rule"] == "output"]
        shares = [[self.origin[s["message"]] for s in step["shares"]] for step in steps]
        accounted = {self.sum_of(step["output"]) for step in steps} | {s[0] for s in shares if len(s) == 1}
        drawn = {}
        for o in self.origins:
            received = self.state[o] == "Received" or any(drawn[a] for a in self.arguments[o])
            drawn[o] = received and not (o in accounted or self.own[o])
        for m in (m for of_one in shares for m in of_one):
            demand(not any(drawn[a] for a in self.arguments[m]), f"4.9: the share %{m} depends on a message that is drawn")
        self.conditional = any(drawn[o] for o in self.outputs)
        demand(not self.conditional or self.distance == 0, "4.9: an output is drawn, and the distance is not 0")

    def check_withheld(self):
        """4.12: each withheld message is an output less what is known without it."""
        steps = self.certificate["steps"]
        demand(not self.handed and all(step["rule"] != "output" for step in steps), "4.12: handed over, or a step about an output")
        for pair in self.withheld:
            m = self.origin[pair["message"]]
            demand(self.state[m] == "Outside", f"4.12: %{m} is known all the same")
            factors = {self.sum_of(pair["output"], "Outside", m): 1}
            for v in sorted(self.origins, reverse=True):
                if v == m or not factors.get(v) or self.state[v] != "Outside":
                    continue
                demand(self.arguments[v], f"4.12: %{v} is no sum")
                for p, a in enumerate(self.arguments[v]):
                    by = self.factor(v, p)
                    demand(by is not None, f"4.12: %{v} ({self.values[v].op}) is no sum")
                    same_shape = self.values[a].shape == self.values[v].shape
                    demand(same_shape or self.state[a] != "Outside", f"4.12: %{a} is broadcast in %{v}")
                    factors[a] = (factors.get(a, 0) + factors[v] * by) % 2**64
            demand(factors.get(m, 0) % 2 == 1, f"4.12: the output does not determine %{m}")

    def check_changes(self, simulator):
        """4.11: no output changes if samples do that the coalition knows, or knows masked."""
        moving = {o for o in self.origins if self.values[o].op == "sample" and self.values[o].holders & self.coalition}
        jointly = simulator == "jointly-with-outputs"
        moving = moving if jointly or simulator == "draws-own-samples" else set()
        if simulator == "given-own-randomness" or not (self.withheld or moving or jointly):
            return
        masks = [m for step in self.certificate["steps"] for m in step.get("masks", []) + [s["mask"] for s in step.get("shares", [])]]
        for mask in (self.origin[m] for m in masks if m is not None and (self.withheld or jointly)):
            moving.add(self.arguments[mask][0] if self.values[mask].op == "slice" else mask)
        changes, terms = {}, {}  # of each origin: {term: coefficient}, or None; a term is the number of how it is built

        def applied(how, change):
            return None if change is None else {terms.setdefault((how, t), len(terms)): c for t, c in change.items()}

        for o in self.origins:
            v, args = self.values[o], self.arguments[o]
            of, shapes = [changes[a] for a in args], [self.values[a].shape for a in args]
            change, ring = None, v.ring == "Z"
            if all(c == {} for c in of):
                change = {terms.setdefault(("sample", o), len(terms)): 1} if o in moving else {}
            elif v.op in ("add", "sub", "xor"):
                parts = [c if s == v.shape else applied(("broadcast", tuple(v.shape)), c) for c, s in zip(of, shapes)]
                if None not in parts:
                    change = Counter(parts[0])
                    for t, c in parts[1].items():
                        change[t] += -c if v.op == "sub" else c
            elif v.op in ("mul", "matmul", "and") and {} in of:
                p = 1 - of.index({})
                words = self.values[args[1 - p]].words
                if v.op == "mul" and words is not None and len(words) == 1 and shapes[p] == v.shape:
                    change = of[p] and {t: c * words[0] for t, c in of[p].items()}
                else:
                    change = applied((v.op, p, args[1 - p]), of[p])
            elif v.op == "neg":
                change = of[0] and {t: -c for t, c in of[0].items()}
            elif v.op == "not":
                change = of[0]
            elif v.op == "shift-left" and ring:
                change = of[0] and {t: c << v.numbers()[0] for t, c in of[0].items()}
            elif v.op in ("sum", "bit-reversal", "shift-left") + MOVES or v.op == "shift-right" and not ring:
                change = applied(v.what, of[0])
            elif v.op == "convert" and v.ring == self.values[args[0]].ring and v.bits <= self.values[args[0]].bits:
                change = applied(v.what, of[0])
            if change is not None:
                change = {t: c % (1 << v.bits if ring else 2) for t, c in change.items()}
                change = {t: c for t, c in change.items() if c}
                change = change if len(change) <= 64 else None
            changes[o] = change
        reveals = [self.origin[n] for n, v in enumerate(self.values) if v.op == "reveal"]
        for o in reveals if jointly else self.outputs:
            demand(changes[o] == {}, f"4.11: the output %{o} may depend on what the coalition knows")


def independent(matrix, columns):
    """Whether the rows (or columns) of a constant matrix are linearly independent modulo 2."""
    rows, width = matrix.shape
    bits = [[word % 2 for word in matrix.words[width * i : width * (i + 1)]] for i in range(rows)]
    vectors, basis = list(zip(*bits)) if columns else bits, []
    if any(len(vector) > 64 for vector in vectors):
        return False
    for vector in vectors:
        word = int("".join(map(str, vector)) or "0", 2)
        for other in basis:
            word = min(word, word ^ other)
        if word == 0:
            return False
        basis.append(word)
    return True


# ---- The command.


def verdict(program, certificate, largest=Fraction(1)):
    """Of one certificate: what was checked, if it holds; and a sentence."""
    try:
        checked = Checker(program, certificate)
        demand(checked.distance <= largest, f"the distance {float(checked.distance):.3g} is larger than allowed")
    except Refused as why:
        return None, f"refused: {why}"
    conditional = ", the outputs conditional" if checked.conditional else ""
    return checked, f"holds: {certificate['simulator']}, at distance {float(checked.distance):.3g}{conditional}"


def stream():
    """Answers each line of JSON by one; a line without a Program is about the last one."""
    program = None
    for line in sys.stdin:
        case = json.loads(line)
        program = Program(case["program"]) if "program" in case else program
        checked, why = verdict(program, case["certificate"])
        answer = {"holds": checked is not None, "why": why}
        if checked:
            messages = sum(state == "Received" for state in checked.state.values())
            answer |= {"distance": float(checked.distance), "messages": messages, "conditional": checked.conditional}
        print(json.dumps(answer), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?")
    parser.add_argument("program", nargs="?")
    parser.add_argument("--coalition", action="append", default=[], help="promised too, for instance P0+client")
    parser.add_argument("--largest-distance", type=Fraction, default=Fraction(1, 2**40))
    parser.add_argument("--stream", action="store_true")
    options = parser.parse_args()
    if options.stream:
        return stream()
    if not options.program:
        parser.error("name the certificates and the Program's text")
    with open(options.file, encoding="utf-8") as file, open(options.program, encoding="utf-8", newline="") as text:
        content = json.load(file)
        program = Program(text.read())
    print(f"Program {program.digest}, as stated by {options.program!r}")
    one = isinstance(content, dict) and "steps" in content
    found = [content] if one else [c["certificate"] for c in content["coalitions"] if "certificate" in c]
    verdicts = {}
    for certificate in found:
        checked, sentence = verdict(program, certificate, options.largest_distance)
        name = "+".join(p for n, p in IN_CERTIFICATES.items() if n in certificate["coalition"])
        verdicts[name] = verdicts.get(name, False) or checked is not None
        print(f"{name or 'nobody':24} {sentence}")
    promised = [p for p in PARTIES if p in program.parties]
    promised += ["+".join(p for p in PARTIES if p in c.split("+")) for c in options.coalition]
    for name in promised:
        if name not in verdicts:
            print(f"{name:24} refused: no certificate of it")
    sys.exit(0 if all(verdicts.get(name) for name in promised) else 1)


def run(command):
    """Runs a command; what it refuses is a line and the code 2."""
    try:
        command()
    except (Refused, OSError, ValueError, KeyError, TypeError) as why:
        print(f"refused: {type(why).__name__}: {ascii(str(why))}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    run(main)
