#!/usr/bin/env python3
"""One-line breakages of the certificate checker, each of which the tests must notice. A nightly target: `proofs/mutants.py`.

The privacy modules are copied into a crate of their own under target/mutants, which builds in seconds; each mutant is compiled
there with tests/refusals/ and the random forgeries of tests/random.rs. Exit status 1: a mutant survives that is not in JUSTIFIED.
Arguments choose mutants whose file or text contains one of them.

    proofs/mutants.py --tool check|exhaustive|symbolic|view|bound [ARGUMENTS of cargo mutants, as --shard 0/4]

asks cargo-mutants (`cargo install cargo-mutants`) to break the checker, the counter or the prover in the same crate, or the certified bounds in a
copy of the workspace, every operator and every function in turn. It lists what survives. It makes 2,425 mutants of a minute or two each, and was not run to its end yet."""

import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "target" / "mutants"

# The tests that are to notice what cargo-mutants breaks in each part: those that are about it, since each must be built for each mutant.
TESTS = {
    "check": ("refusals", "random"),
    "exhaustive": ("joint", "random", "second_checker"),
    "symbolic": ("random", "refusals", "flawed"),
    "view": ("random", "refusals", "flawed"),
}

# (file under src/privacy/check, text, replacement). Each text occurs once.
MUTANTS = [
    ("mod.rs", "if certificate.format != FORMAT", "if false"),
    ("mod.rs", "if certificate.digest != digest", "if false"),
    ("mod.rs", "checker.nothing_is_missing()?;", ""),
    ("mod.rs", "if distance >= 1.0 {", "if distance >= 4.0 {"),
    ("mod.rs", "Some(output) if distance > 0.0 =>", "Some(output) if distance > 2.0 =>"),
    ("mod.rs", "if let Some(output) = checker.output_of_randomness(certificate) {", "if let (None, Some(output)) = (certificate.steps.first(), checker.output_of_randomness(certificate)) {"),
    ("mod.rs", "known[origin] = false;", "let _ = &known[origin];"),
    ("mod.rs", "coalition.meets(value.holders) && !coalition.meets(program.value(*argument).holders)", "coalition.meets(value.holders) && coalition.meets(program.value(*argument).holders)"),
    ("mod.rs", "if !is_same(program, &origin, first, id) {", "if false {"),
    ("mod.rs", "certificate.handed.iter().for_each(|value| known[origin[value.index()]] = true);", ""),
    ("mod.rs", "&& arguments.iter().all(|argument| state[origin[argument.index()]] != State::Outside);", "&& arguments.iter().any(|argument| state[origin[argument.index()]] != State::Outside);"),
    ("mod.rs", "arguments.is_empty() && coalition.meets(value.holders), known[i])", "arguments.is_empty() && known[i], known[i])"),
    ("mod.rs", "State::Derived => zero || arguments.iter().all(|argument| own[origin[argument.index()]]),", "State::Derived => zero || arguments.iter().any(|argument| own[origin[argument.index()]]),"),
    ("mod.rs", "if self.state[origin] != State::Received {", "if self.state[origin] == State::Outside {"),
    ("mod.rs", "if !self.covered.insert(origin) {", "if { self.covered.insert(origin); false } {"),
    ("mod.rs", "self.time[origin] = time;", "self.time[origin] = END;"),
    ("mod.rs", "State::Received => self.time[user],", "State::Received => self.time[user].min(1),"),
    ("mod.rs", "State::Outside => self.last[user],\n", "State::Outside => 0,\n"),
    ("mod.rs", "self.last[argument].max(until)", "until"),
    ("mod.rs", "self.until(user) >= time)", "self.until(user) > time)"),
    ("mod.rs", "(Some((first, _)), Some((second, _))) => Err(Refusal::TwoUses { value, first, second }),", "(Some(first), Some(_)) => Ok(first),"),
    ("mod.rs", "if drawn && by_itself {", "if by_itself {"),
    ("mod.rs", "if drawn && by_itself {", "if drawn {"),
    ("mod.rs", "Some(_) => Err(Refusal::Widened),", "Some(_) => Ok(0.0),"),
    ("mod.rs", "self.follow(masks, target, time)?.ok_or(Refusal::NotWidened)", "Ok(self.follow(masks, target, time)?.unwrap_or(0.0))"),
    ("mod.rs", "(true, State::Own | State::Derived | State::Received) => Err(Refusal::MaskKnown(origin)),", "(true, State::Own | State::Derived | State::Received) => Ok(origin),"),
    ("mod.rs", "(false, _) => Err(Refusal::MaskNoSample(origin)),", "(false, _) => Ok(origin),"),
    ("mod.rs", "other != part && !self.are_apart(part, other)", "false && other != part"),
    ("mod.rs", "if seen.len() < self.program.values[user].op.arguments().len() {", "if seen.is_empty() {"),
    ("mod.rs", "if domain.bits() <= bits => at = narrow", "if domain.bits() <= bits + 1 => at = narrow"),
    ("mod.rs", "if sum != target {", "if false {"),
    ("mod.rs", "reached |= at == target;", "reached = true;"),
    ("mod.rs", "if reached { Ok(None) }", "if true { Ok(None) }"),
    ("mod.rs", "let Op::Local(Local::Add | Local::Sub, arguments) = &value.op else {", "let Op::Local(Local::Add | Local::Sub | Local::Mul, arguments) = &value.op else {"),
    ("mod.rs", "if self.program.value(arguments[position]).shape.elements() != elements {", "if false {"),
    ("mod.rs", "arguments[1 - position].index(), 4)", "arguments[1 - position].index(), 9)"),
    ("mod.rs", "Ok(elements as f64 * (f64::from", "Ok((f64::from"),
    ("mod.rs", "if first >= second {", "if first > second {"),
    ("mod.rs", "one == other && origins(a) == origins(b)", "origins(a) == origins(b)"),
    ("mod.rs", "one == other && origins(a) == origins(b)", "one == other"),
    ("mod.rs", "Local::Sub | Local::Xor => origin[arguments[0].index()] == origin[arguments[1].index()],", "Local::Sub | Local::Xor | Local::Add => origin[arguments[0].index()] == origin[arguments[1].index()],"),
    ("mod.rs", "Op::Constant(Constant::Splat(0))", "Op::Constant(Constant::Splat(_))"),
    ("operations.rs", "Local::Add | Local::Sub | Local::Xor => yes_if(as_many),", "Local::Add | Local::Sub | Local::Xor => Keeps::Yes,"),
    ("operations.rs", "yes_if(as_many && odd)", "yes_if(odd)"),
    ("operations.rs", "yes_if(as_many && odd)", "yes_if(as_many)"),
    ("operations.rs", "Some(Constant::Splat(word)) => word & 1 == 1,", "Some(Constant::Splat(_)) => true,"),
    ("operations.rs", "words.iter().all(|word| word & 1 == 1)", "words.iter().any(|word| word & 1 == 1)"),
    ("operations.rs", "yes_if(self.matrix_keeps(arguments[1 - position].index(), position))", "Keeps::Yes"),
    ("operations.rs", "let (count, length) = if position == 0 { (columns, rows) }", "let (count, length) = if position == 1 { (columns, rows) }"),
    ("operations.rs", "rest != 0\n", "true\n"),
    ("operations.rs", "Local::Move(Move::Broadcast(_)) => yes_if(as_many),", "Local::Move(Move::Broadcast(_)) => Keeps::Yes,"),
    ("operations.rs", "Local::Concat(_) => Keeps::WithAllParts,", "Local::Concat(_) => Keeps::Yes,"),
    ("operations.rs", "Keeps::LowBits(value.domain.bits().saturating_sub(*shift))", "Keeps::Yes"),
    ("operations.rs", "Local::Function(function) => yes_if(is_even(function)),", "Local::Function(_) => Keeps::Yes,"),
    ("operations.rs", "Local::And | Local::ShiftLeft(_) => Keeps::No,", "Local::And | Local::ShiftLeft(_) => Keeps::Yes,"),
    ("operations.rs", "argument(0).min(argument(1)),", "argument(0).min(argument(1)).min(1),"),
    ("operations.rs", "Local::Xor, _) => argument(0).max(argument(1)),", "Local::Xor, _) => argument(0).min(argument(1)),"),
    ("operations.rs", "argument(0).max(argument(1)).saturating_add(1),", "argument(0).max(argument(1)),"),
    ("operations.rs", "argument(0).saturating_sub(*shift),", "argument(0).saturating_sub(*shift + 1),"),
    ("operations.rs", "entries.iter().map(size).max().unwrap_or(width)", "entries.iter().map(size).min().unwrap_or(width)"),
    ("operations.rs", "size(&(modulus - 1))", "size(&(modulus / 2 - 1))"),
    ("operations.rs", "Op::Input { .. } | Op::Sample { .. } | Op::Local(..) => width,\n        };\n        bits.min(width)", "Op::Input { .. } | Op::Sample { .. } | Op::Local(..) => 1,\n        };\n        bits.min(width)"),
    ("operations.rs", "axis == other_axis && (end", "(end"),
    ("operations.rs", "(end <= other_start || other_end <= start)", "(end <= other_start + 1 || other_end <= start + 1)"),
    ("operations.rs", "while self.state[at] == State::Derived {", "while self.state[at] != State::Own {"),
    ("operations.rs", "Local::Convert(to) => to.bits() == self.program.values[argument].domain.bits(),", "Local::Convert(_) => true,"),
    ("operations.rs", "values().all(|&times| times == entries.len() / count.len())", "values().all(|&times| times > 0)"),
    ("operations.rs", "let all = domain.bits() < 32 && count.len() as u64 == 1 << domain.bits();", "let all = true;"),
    ("output.rs", "Op::Reveal { to, .. } if self.coalition.members().contains(*to) => Ok(()),", "Op::Reveal { .. } => Ok(()),"),
    ("output.rs", "if last.mask.is_some() {", "if false {"),
    ("output.rs", "if last_factor & 1 == 0 {", "if false {"),
    ("output.rs", "if left & modulo(domain) != 0 {", "if false {"),
    ("output.rs", "factors.keys().min().map_or(Ok(()), |&share| Err(Refusal::UnnamedShare(share)))", "Ok(())"),
    ("output.rs", "if found.insert(at, factor).is_some() {", "if { found.insert(at, factor); false } {"),
    ("output.rs", "if !self.own[argument] && self.program.values[argument].shape != value.shape {", "if false {"),
    ("output.rs", "Local::Sub if position == 0 => Some(1),", "Local::Sub => Some(1),"),
    ("output.rs", "Some(Constant::Splat(word)) => Some(*word),", "Some(Constant::Splat(_)) => Some(1),"),
    ("output.rs", ".filter(|by| by & 1 == 1)", ""),
    ("output.rs", "if self.program.values[user].shape != self.program.values[mask].shape {", "if false {"),
    ("output.rs", "accounted.contains(&origin) || self.own[origin] => false,", "accounted.contains(&origin) || self.state[origin] == State::Derived => false,"),
    ("output.rs", "if self.arguments(origin).any(|argument| drawn[argument]) {", "if false {"),
    ("output.rs", "if let [only] = &shares[..] {", "if let [only, ..] = &shares[..] {"),
    ("output.rs", "if domain.is_ring() { domain.mask() } else { 1 }", "1"),
    ("own.rs", "self.own && self.checker.coalition.meets(value.holders) =>", "self.own && self.checker.coalition.meets(value.holders) && id.0 == u32::MAX =>"),
    ("own.rs", "if self.masks.contains(&id.index()) ||", "if"),
    ("own.rs", "(Simulator::DrawsOwnSamples, true) => (true, HashSet::new()),", "(Simulator::DrawsOwnSamples, true) => (false, HashSet::new()),"),
    ("own.rs", "(Simulator::DrawsOwnSamples, false) => (true, self.masks_of(&certificate.steps)),", "(Simulator::DrawsOwnSamples, false) => (false, self.masks_of(&certificate.steps)),"),
    ("own.rs", "(Simulator::DrawsOwnSamples, false) => (true, self.masks_of(&certificate.steps)),", "(Simulator::DrawsOwnSamples, false) => (true, HashSet::new()),"),
    ("own.rs", "(Simulator::GivenOwnSamples, false) => (false, self.masks_of(&certificate.steps)),", "(Simulator::GivenOwnSamples, false) => return None,"),
    ("withheld.rs", "if certificate.withheld.is_empty() && certificate.simulator != Simulator::GivenOwnRandomness {", "if certificate.withheld.is_empty() {"),
    ("withheld.rs", "if !certificate.handed.is_empty() || certificate.steps", "if certificate.steps"),
    ("withheld.rs", "certificate.steps.iter().any(|step| matches!(step, Step::Output { .. }))", "false"),
    ("withheld.rs", "if self.state[message] != State::Outside {", "if false {"),
    ("withheld.rs", "self.is_output(output)?;", ""),
    ("withheld.rs", "self.state[argument] == State::Outside && self.program.values[argument].shape != value.shape", "false"),
    ("withheld.rs", "if factor == 0 || self.state[at] != State::Outside {", "if factor == 0 || self.state[at] != State::Outside || value.op.arguments().is_empty() {"),
    ("withheld.rs", "let by = self.factor(at, position).ok_or(Refusal::NoSum(at))?;", "let by = self.factor(at, position).unwrap_or(0);"),
    ("withheld.rs", "if total & 1 == 0 {", "if total == 0 {"),
    ("withheld.rs", ".map(|mask| self.whole(mask))", ""),
    ("withheld.rs", "while sum != message && self.state[sum] == State::Outside {", "while sum != message {"),
    ("own.rs", "(false, false) | (true, true) => return None,", "(false, false) | (true, true) => return Some(BTreeMap::new()),"),
    ("own.rs", "Local::Convert(_) | Local::Function(_) => None,", "Local::Convert(_) | Local::Function(_) => Some(BTreeMap::new()),"),
    ("own.rs", "self.sum(&arguments, [1, u64::MAX], domain, shape)", "self.sum(&arguments, [1, 1], domain, shape)"),
]

# Survivors that are right to survive, by (file, replacement), with the reason.
JUSTIFIED = {
    ("withheld.rs", "while sum != message {"): "an output determines what it is a public bijection of, whether the coalition knows the output otherwise or not",
}


def prepare(tests):
    for old in ("src", "tests"):
        shutil.rmtree(WORK / old, ignore_errors=True)
    shutil.copytree(ROOT / "proofs" / "src" / "privacy", WORK / "src" / "privacy")
    for left_out in ("statistical", "learned"):
        shutil.rmtree(WORK / "src" / "privacy" / left_out, ignore_errors=True)
        (WORK / "src" / "privacy" / f"{left_out}.rs").unlink(missing_ok=True)
    module = WORK / "src" / "privacy" / "mod.rs"
    text = module.read_text()
    for left_out in ("statistical", "learned"):
        text = text.replace(f"pub mod {left_out};\n", "")
    module.write_text(text)
    (WORK / "src" / "lib.rs").write_text("//! A copy, to be broken.\npub mod privacy;\n")
    (WORK / "tests").mkdir(parents=True, exist_ok=True)
    for test in tests:
        if test != "refusals":
            shutil.copy(ROOT / "proofs" / "tests" / f"{test}.rs", WORK / "tests" / f"{test}.rs")
    folders = ("tests/refusals",) if "refusals" in tests else ()
    for folder in folders + ("tests/random_programs", "tests/second", "second_checker"):
        shutil.copytree(ROOT / "proofs" / folder, WORK / folder, dirs_exist_ok=True)
    path = lambda crate: f'{{ path = "{ROOT / crate}" }}'
    (WORK / "Cargo.toml").write_text(
        '[package]\nname = "viewless-proofs"\nversion = "0.0.0"\nedition = "2024"\n[lib]\ntest = false\ndoctest = false\n[workspace]\n'
        f'[dependencies]\nviewless-protocols = {path("protocols")}\n'
        'serde = { version = "1", features = ["derive"] }\nthiserror = "2"\n'
        '[dev-dependencies]\nproptest = { version = "1", default-features = false, features = ["std"] }\nserde_json = "1"\n'
        "[profile.dev]\nopt-level = 1\ndebug = false\n"
    )
    shutil.copy(ROOT / "Cargo.lock", WORK / "Cargo.lock")


def passes():
    """Whether the tests pass; None if it does not compile."""
    base = ["cargo", "test", "-q", "--offline", "--target-dir", str(WORK / "target"), "--manifest-path", str(WORK / "Cargo.toml")]
    # The table first, which is quick and notices most.
    for test in ("refusals", "random"):
        built = subprocess.run(base + ["--test", test, "--no-run"], capture_output=True, text=True)
        if built.returncode:
            return None, built.stderr
        run = subprocess.run(base + ["--test", test, "--", "--skip", "what_is_proved_is_never_refuted"], capture_output=True, text=True)
        if run.returncode:
            return False, run.stdout
    return True, run.stdout


def tool(part, arguments):
    """Has cargo-mutants break a part; its exit status."""
    if part == "bound":
        # The tests of bounds stand beside them, and need the simulator: so the whole workspace is copied and built.
        command = ["cargo", "mutants", "--dir", str(ROOT), "--output", str(WORK), "--no-shuffle", "--package", "viewless-proofs"]
        command += ["--file", "proofs/src/bound/**/*.rs", "--cargo-test-arg=--lib"]
        # Arguments after `--` would be those of cargo test; these go to the tests.
        arguments = [*arguments, "--", "--", "bound", "audit"]
    else:
        prepare(TESTS[part])
        command = ["cargo", "mutants", "--dir", str(WORK), "--output", str(WORK), "--no-shuffle"]
        command += ["--file", f"src/privacy/{part}/*.rs", "--file", f"src/privacy/{part}.rs"]
    # What an error says in words is looked at by people.
    command += ["--exclude-re", "fmt::Display|fmt::Debug", *arguments]
    environment = {name: text for name, text in os.environ.items() if name != "CARGO_TARGET_DIR"}
    return subprocess.run(command, env=environment).returncode


def main():
    if sys.argv[1:2] == ["--tool"]:
        sys.exit(tool(sys.argv[2], sys.argv[3:]))
    prepare(TESTS["check"])
    sound, text = passes()
    if not sound:
        sys.exit(f"the unbroken checker fails its tests, or does not build:\n{text}")
    chosen = [m for m in MUTANTS if len(sys.argv) == 1 or any(word in m[0] + m[1] for word in sys.argv[1:])]
    survivors = killed = 0
    for file, old, new in chosen:
        source = WORK / "src" / "privacy" / "check" / file
        text = source.read_text()
        if text.count(old) != 1:
            sys.exit(f"{file}: `{old}` occurs {text.count(old)} times; the list of mutants is out of date")
        source.write_text(text.replace(old, new))
        verdict, output = passes()
        source.write_text(text)
        if verdict is None:
            sys.exit(f"{file}: `{new}` does not compile:\n{output}")
        if verdict:
            reason = JUSTIFIED.get((file, new))
            survivors += reason is None
            print(f"SURVIVES {file}: {new.strip()}" + (f"  (justified: {reason})" if reason else ""), flush=True)
        else:
            killed += 1
    print(f"{killed} of {len(chosen)} mutants killed, {survivors} survive unjustified")
    sys.exit(1 if survivors else 0)


if __name__ == "__main__":
    main()
