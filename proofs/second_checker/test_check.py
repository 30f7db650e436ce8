"""Forgeries by hand, ten and more of each kind, which the second checker must refuse; and what they were made from, which it accepts.

Run it alone with `python3 test_check.py`; `cargo test -p viewless-proofs --test second_checker` runs it, too.
"""

import subprocess
import sys
import tempfile
import unittest
from itertools import product
from pathlib import Path

import check

HERE = Path(__file__).parent
WORDS = [("Z", 1), ("Z", 2), ("Z", 3), ("Z", 8), ("Z", 31), ("Z", 64), ("X", 1), ("X", 2), ("X", 7), ("X", 32), ("X", 64)]
EMPTY = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"


def program(*lines):
    """A Program among P0, P1 and the client: each line is `DOMAIN[SHAPE] {HOLDERS} = OPERATION`."""
    return "program among {P0,P1,client} with model owner model-owner\n" + "".join(f"%{n}: {line}\n" for n, line in enumerate(lines))


def certificate(text, steps, who="P1", simulator="given-own-samples", **more):
    digest = check.Program(text).digest
    return {"format": 3, "digest": digest, "coalition": [who], "simulator": simulator, "steps": steps} | more


def uniform(message, *masks):
    return {"rule": "uniform", "message": message, "masks": list(masks)}


def masked(ring, bits, shape="2"):
    """P0 sends its secret under a mask to P1."""
    word, plus = f"{ring}{bits}[{shape}]", "add" if ring == "Z" else "xor"
    return [f'{word} {{P0}} = input "x" fraction 0', f"{word} {{P0}} = sample stream 0",
            f"{word} {{P0}} = {plus} %0 %1", f"{word} {{P0,P1}} = send %2 to P1"]


def shared(ring, bits):
    """P0 and P1 send the client shares of the sum of their secrets, under a mask that both know."""
    word, plus, minus = f"{ring}{bits}[2]", *(("add", "sub") if ring == "Z" else ("xor", "xor"))
    return [f'{word} {{P0}} = input "x" fraction 0', f'{word} {{P1}} = input "y" fraction 0', f"{word} {{P0,P1}} = sample stream 0",
            f"{word} {{P0}} = {plus} %0 %2", f"{word} {{P1}} = {minus} %1 %2", f"{word} {{P0,client}} = send %3 to client",
            f"{word} {{P1,client}} = send %4 to client", f"{word} {{client}} = {plus} %5 %6",
            f'{word} {{client}} = reveal %7 to client as "z" fraction 0']


RIGHT_OUTPUT = {"rule": "output", "output": 8, "shares": [{"message": 5, "mask": 2}, {"message": 6, "mask": None}]}


class Forgeries(unittest.TestCase):
    def holds(self, lines, steps, **more):
        text = program(*lines)
        checked, why = check.verdict(check.Program(text), certificate(text, steps, **more))
        self.assertTrue(checked, f"{why}\n{text}")

    def refused(self, section, lines, steps, **more):
        text = program(*lines)
        checked, why = check.verdict(check.Program(text), certificate(text, steps, **more))
        self.assertFalse(checked, f"accepted:\n{text}{steps}")
        self.assertIn(section, why)

    def test_the_digest_is_blake3(self):
        self.assertEqual(check.blake3(b""), EMPTY)

    def test_what_is_masked_holds(self):
        for ring, bits in WORDS:
            self.holds(masked(ring, bits), [uniform(3, 1)])
            self.holds(masked(ring, bits), [uniform(3, 1)], simulator="draws-own-samples")
            self.holds(shared(ring, bits), [RIGHT_OUTPUT], who="Client", simulator="draws-own-samples")

    def test_a_mask_used_twice(self):
        for ring, bits in WORDS:
            word, plus = f"{ring}{bits}[2]", "add" if ring == "Z" else "xor"
            again = [f'{word} {{P0}} = input "y" fraction 0', f"{word} {{P0}} = {plus} %4 %1", f"{word} {{P0,P1}} = send %5 to P1"]
            for steps in ([3, 6], [6, 3]):
                self.refused("uses", masked(ring, bits) + again, [uniform(m, 1) for m in steps])

    def test_a_message_as_its_own_mask(self):
        for (ring, bits), mask in product(WORDS, (2, 3)):
            self.refused("4.5", masked(ring, bits), [uniform(3, mask)])

    def test_an_input_as_a_mask_and_no_mask(self):
        for ring, bits in WORDS:
            self.refused("4.5", masked(ring, bits), [uniform(3, 0)])
            self.refused("4.6", masked(ring, bits), [uniform(3)])

    def test_a_mask_that_the_coalition_knows(self):
        for ring, bits in WORDS:
            lines = masked(ring, bits)
            lines[1] = lines[1].replace("{P0}", "{P0,P1}")
            self.refused("4.5", lines, [uniform(3, 1)])

    def test_a_mask_that_is_broadcast(self):
        for (ring, bits), shape in product(WORDS, ("1", "")):
            lines = masked(ring, bits)
            lines[1] = lines[1].replace("[2]", f"[{shape}]")
            self.refused("4.6", lines, [uniform(3, 1)])
            word = f"{ring}{bits}[2]"
            moved = lines[:2] + [f"{word} {{P0}} = broadcast [2] %1", lines[2].replace("%1", "%2"), lines[3].replace("%2", "%3")]
            self.refused("4.6", moved, [uniform(4, 1)])

    def test_operations_that_keep_nothing_uniform(self):
        word = "Z8[2]"
        for op in ("mul %0 %1", "mul %1 %1", "shift-left 1 %1", "shift-right 1 %1", "shift-right-arithmetic 1 %1", "remainder Z8 3 %1",
                   "table Z8" + " 7" * 256 + " %1", "mul %1 %4", "add %1 %1", "sub %1 %1"):
            lines = [f'{word} {{P0}} = input "x" fraction 0', f"{word} {{P0}} = sample stream 0",
                     f"{word} {{P0}} = {op.replace('%4', '%2')}", f"{word} {{P0}} = add %0 %2", f"{word} {{P0,P1}} = send %3 to P1"]
            if "%4" in op:  # an even factor
                lines.insert(2, f"{word} {{P0,P1,client}} = constant 6")
                lines[3:] = [f"{word} {{P0}} = {op.replace('%4', '%2')}", f"{word} {{P0}} = add %0 %3", f"{word} {{P0,P1}} = send %4 to P1"]
            self.refused("4.", lines, [uniform(len(lines) - 1, 1)])

    def test_steps_missing_twice_and_of_no_message(self):
        for ring, bits in WORDS:
            lines = masked(ring, bits)
            self.refused("4.3", lines, [])
            self.refused("4.3", lines, [uniform(3, 1), uniform(3, 1)])
            self.refused("4.3", lines, [uniform(1, 1)])
            self.refused("4.3", lines, [uniform(3, 1)], handed=[0])

    def test_an_output_of_a_party_outside(self):
        for ring, bits in WORDS:
            lines = shared(ring, bits) + [shared(ring, bits)[0].split(" ")[0] + ' {P0} = reveal %0 to P0 as "own" fraction 0']
            self.refused("4.8", lines, [RIGHT_OUTPUT | {"output": 9}], who="Client")
            self.refused("4.8", masked(ring, bits) + [f'{ring}{bits}[2] {{P0}} = reveal %3 to P0 as "z" fraction 0'],
                         [{"rule": "output", "output": 4, "shares": [{"message": 3, "mask": None}]}])

    def test_shares_that_are_not_those_of_the_output(self):
        first, last = RIGHT_OUTPUT["shares"]
        for (ring, bits), shares in product(WORDS, ([last], [], [first, first, last], [first | {"mask": None}, last],
                                                    [first, last | {"mask": 2}], [last, first], [first | {"mask": 0}, last])):
            self.refused("4.", shared(ring, bits), [RIGHT_OUTPUT | {"shares": shares}], who="Client")

    def test_masks_of_shares_that_do_not_cancel(self):
        for bits in range(2, 14):
            lines = shared("Z", bits)
            lines[4] = lines[4].replace("sub", "add")
            self.refused("cancel", lines, [RIGHT_OUTPUT], who="Client")

    def test_computations_that_are_not_the_same(self):
        for ring, bits in WORDS:
            word = f"{ring}{bits}[2]"
            lines = masked(ring, bits) + [f"{word} {{P0}} = {'sub' if ring == 'Z' else 'and'} %0 %1"]
            for pair in ([2, 4], [4, 2], [2, 2], [0, 1], [2, 3]):
                self.refused("4.1", lines, [uniform(3, 1)], same=[pair])

    def test_distances(self):
        for low, k in product(range(1, 5), range(1, 5)):
            lines = [f'Z{low}[1] {{P0}} = input "x" fraction 0', f"Z{k}[1] {{P0}} = sample stream 0", "Z9[1] {P0} = convert Z9 %0",
                     "Z9[1] {P0} = convert Z9 %1", "Z9[1] {P0} = add %2 %3", "Z9[1] {P0,P1} = send %4 to P1"]
            steps = [{"rule": "wide", "message": 5, "masks": [1]}]
            self.holds(lines, steps) if low < k else self.refused("4.10", lines, steps)
            self.refused("4.6", lines, [uniform(5, 1)])

    def test_outputs_that_own_samples_enter(self):
        for bits in range(2, 14):
            word = f"Z{bits}[2]"
            lines = shared("Z", bits)[:3] + [f"{word} {{client}} = sample stream 7", f"{word} {{client}} = add %3 %3",
                                             f'{word} {{client}} = reveal %4 to client as "z" fraction 0']
            self.holds(lines, [], who="Client")
            self.refused("4.11", lines, [], who="Client", simulator="draws-own-samples")

    def test_fields(self):
        text = program(*masked("Z", 8))
        right = certificate(text, [uniform(3, 1)])
        step = right["steps"][0]
        for forged in ({"format": 1}, {"format": "2"}, {"digest": "00" * 32}, {"digest": right["digest"].upper()}, {"coalition": []},
                       {"coalition": ["P2"]}, {"coalition": ["nobody"]}, {"coalition": "P1"}, {"simulator": "given"}, {"more": 1},
                       {"handed": [99]}, {"same": [[0, 99]]}, {"same": [[0]]}, {"steps": [step | {"rule": "trust"}]},
                       {"steps": [step | {"more": 1}]}, {"steps": [step | {"message": -1}]}, {"steps": [step | {"masks": [True]}]}):
            self.assertFalse(check.verdict(check.Program(text), right | forged)[0], forged)

    def test_a_changed_program(self):
        right = program(*masked("Z", 8))
        proof = certificate(right, [uniform(3, 1)])
        for old, new in (("Z8", "Z9"), ("[2]", "[3]"), ("add", "sub"), ("stream 0", "stream 1"), ('"x"', '"y"'), ("fraction 0", "fraction 1"),
                         ("%0 %1", "%1 %0"), ("add %0 %1", "add %0 %0"), ("owner model-owner", "owner P0"), ("\n%1", '\n# "r"\n%1')):
            changed = right.replace(old, new)
            self.assertNotEqual(changed, right)
            self.assertFalse(check.verdict(check.Program(changed), proof)[0], changed)

    def test_texts_that_are_no_programs(self):
        right = program(*masked("Z", 8))
        for old, new in (("%1:", "%2:"), ("{P0} = add", "{P1} = add"), ("{P0,P1} = send", "{P1} = send"), ("to P1", "to P0"), ("[2] {P0} = add", "[3] {P0} = add"),
                         ("Z8[2] {P0} = add", "Z9[2] {P0} = add"), ("add", "and"), ("add", "sing"), ("%0 %1", "%0 %7"), ("%0 %1", "%0"),
                         ("{P0} = input", "{P0,P1} = input"), ("program", "Program"), ("Z8[2] {P0} = sample", "Z8[5] {P0} = sample"), ("Z8", "Z65"),
                         ('input "x" fraction 0', "sample stream 0"), ("{P0} = sample", "{P2} = sample"), ("send %2 to P1\n", "send %2 to P1")):
            changed = right.replace(old, new)
            self.assertNotEqual(changed, right)
            with self.assertRaises(check.Refused, msg=changed):
                check.Program(changed)

    def test_a_missing_coalition_is_told_by_the_exit(self):
        text = program(*masked("Z", 8))
        proofs = [certificate(text, [], "P0"), certificate(text, [uniform(3, 1)], "P1"), certificate(text, [], "Client")]
        for missing in [None, 0, 1, 2]:
            kept = [{"certificate": proof} for i, proof in enumerate(proofs) if i != missing]
            with tempfile.TemporaryDirectory() as folder:
                Path(folder, "program").write_text(text)
                Path(folder, "file").write_text(check.json.dumps({"coalitions": kept}))
                command = [sys.executable, HERE / "check.py", Path(folder, "file"), Path(folder, "program")]
                run = subprocess.run(command, capture_output=True, text=True)
            self.assertEqual(run.returncode, 0 if missing is None else 1, run.stdout + run.stderr)
            self.assertEqual("no certificate" in run.stdout, missing is not None)


if __name__ == "__main__":
    unittest.main()
