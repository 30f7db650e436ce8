#!/usr/bin/env python3
"""Breakages of the certificate checker, the counter and the prover, each of which the tests must notice. A nightly target.

    proofs/mutants.py [WORDS]                                     what a person thought of (mutants_listed.py), of the checker
    proofs/mutants.py --tool check|exhaustive|symbolic|view|other [WORDS]
                                                                  every operator and function in turn, by cargo-mutants
                                                                  (`cargo install cargo-mutants`, which only lists them here)
        --quick                                                   with the quick tests alone
    proofs/mutants.py --tool bound [ARGUMENTS]                    the certified bounds: cargo-mutants itself, in a copy of the workspace,
                                                                  which is built for each (1,384 of them, a minute or two each)

Exit status 1: a mutant survives that is not in JUSTIFIED (mutants_listed.py). WORDS choose mutants whose line contains one of them.

All mutants of a part are built at once: in a crate of its own under target/mutants, a copy of the privacy modules, each function holds its own
body and the bodies of its mutants, and the environment variable MUTANT says which one runs. So a mutant costs what the tests take that notice
it, most often less than a second. What does not compile in this form (a function that returns `impl Iterator` has one type) is built by itself.

Results are lines in target/mutants/results.jsonl: a run that is broken off goes on where it was, as long as the file that is broken is
the same; what survived is tried again."""

import hashlib
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field

sys.dont_write_bytecode = True
from mutants_listed import JUSTIFIED, MUTANTS  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "target" / "mutants"
PRIVACY = WORK / "src" / "privacy"

# What each part is, in src/privacy.
PARTS = {
    "check": ("check/*.rs",),
    "exhaustive": ("exhaustive/*.rs",),
    "symbolic": ("symbolic/*.rs",),
    "view": ("view.rs",),
    "other": ("mod.rs", "certificate.rs", "queries.rs", "shrink.rs"),
}
# The first that fails is enough. All mutants are tried by the quick tests before what survives them is tried by the others. `lib`: the tests
# beside the code.
QUICK = ("lib", "view", "prover", "counter", "refusals", "certificates", "flawed", "joint", "random")
TESTS = (*QUICK, "schemes", "second_checker", "scale")
# Modules that need the simulator.
LEFT_OUT = ("statistical", "learned")
# Tests that draw other cases each time: a mutant that is noticed must be noticed again.
SKIPPED = ("what_is_proved_is_never_refuted",)
# What a mutant may take: this many times what the unbroken code takes, and some seconds.
PATIENCE = 8
AT_LEAST = 10
MEMORY = 8 << 30


@dataclass
class Mutant:
    """A file of src/privacy, from where to where another text is put, and the name: what is broken, and the line that results."""

    file: str
    start: int
    end: int
    text: str
    what: str
    line: str
    number: int = 0

    def key(self):
        return (self.file, self.what, self.line)

    def __str__(self):
        return f"{self.file}: {self.what}" + (f": `{self.line}`" if self.line else "")


@dataclass
class Function:
    """First and last offset of a body, between the braces, and its mutants."""

    start: int
    end: int
    mutants: list = field(default_factory=list)


def prepare():
    """The crate, unbroken; only what changed is written, so that little is built again."""
    files = {"src/lib.rs": "//! A copy, to be broken.\n#![allow(warnings)]\n\npub mod privacy;\n\n" + SWITCH}
    proofs = ROOT / "proofs"
    for path in sorted(proofs.glob("src/privacy/**/*.rs")):
        relative = path.relative_to(proofs / "src" / "privacy")
        if relative.parts[0].removesuffix(".rs") not in LEFT_OUT:
            files[f"src/privacy/{relative}"] = path.read_text()
    for left_out in LEFT_OUT:
        files["src/privacy/mod.rs"] = files["src/privacy/mod.rs"].replace(f"pub mod {left_out};\n", "")
    for path in [*(proofs / "tests").rglob("*.rs"), *(proofs / "second_checker").glob("*.py")]:
        relative = path.relative_to(proofs)
        if relative.parts[0] != "tests" or len(relative.parts) > 2 or path.stem in TESTS:
            files[str(relative)] = path.read_text()
    crate = lambda name: f'{{ path = "{ROOT / name}" }}'
    files["Cargo.toml"] = (
        '[package]\nname = "viewless-proofs"\nversion = "0.0.0"\nedition = "2024"\n[lib]\ndoctest = false\n[workspace]\n'
        f'[dependencies]\nviewless-protocols = {crate("protocols")}\n'
        'serde = { version = "1", features = ["derive"] }\nthiserror = "2"\n'
        '[dev-dependencies]\nproptest = { version = "1", default-features = false, features = ["std"] }\nserde_json = "1"\n'
        f'viewless-simulator = {crate("simulator")}\n'
        '[profile.dev]\nopt-level = 1\ndebug = false\noverflow-checks = true\n[profile.dev.package."*"]\nopt-level = 2\n'
    )
    files["Cargo.lock"] = (ROOT / "Cargo.lock").read_text()
    for folder in ("src", "tests"):
        for path in (WORK / folder).rglob("*"):
            if path.is_file() and str(path.relative_to(WORK)) not in files:
                path.unlink()
    for name, text in files.items():
        write(WORK / name, text)


# Which mutant runs; 0 is none.
SWITCH = """pub(crate) fn mutant() -> u32 {
    static MUTANT: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    *MUTANT.get_or_init(|| std::env::var("MUTANT").map_or(0, |text| text.parse().expect("the number of a mutant")))
}
"""


def write(path, text):
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def mutant(file, source, start, end, text, what, whole):
    """One mutant; `whole` if it replaces a whole body, so that no line names it."""
    broken = source[:start] + text + source[end:]
    line = "" if whole else broken[broken.rfind("\n", 0, start) + 1 :].split("\n", 1)[0].strip()
    return Mutant(file, start, end, text, what, line)


def listed():
    """What a person thought of."""
    found = []
    for file, old, new in MUTANTS:
        source = (PRIVACY / "check" / file).read_text()
        if source.count(old) != 1:
            sys.exit(f"{file}: `{old}` occurs {source.count(old)} times; the list of mutants is out of date")
        start = source.index(old)
        found.append(mutant(f"check/{file}", source, start, start + len(old), new, f"replace `{old.strip()}` by `{new.strip()}`", True))
    return found


def generated(parts):
    """What cargo-mutants thinks of."""
    command = ["cargo", "mutants", "--dir", str(WORK), "--list", "--json"]
    # What an error says in words is looked at by people.
    command += ["--exclude-re", "fmt::Display|fmt::Debug"]
    for pattern in (pattern for part in parts for pattern in PARTS[part]):
        command += ["--file", f"src/privacy/{pattern}"]
    answer = subprocess.run(command, capture_output=True, text=True)
    if answer.returncode:
        sys.exit(answer.stderr)
    found = []
    for one in json.loads(answer.stdout):
        file = one["file"].removeprefix("src/privacy/")
        source = (PRIVACY / file).read_text()
        lines = [0, *(at.end() for at in re.finditer("\n", source))]
        start, end = (lines[one["span"][edge]["line"] - 1] + one["span"][edge]["column"] - 1 for edge in ("start", "end"))
        what = one["name"].split(": ", 1)[1]
        found.append(mutant(file, source, start, end, one["replacement"], what, one["genre"] == "FnValue"))
    return found


def functions(source):
    """Bodies of functions, as rustfmt lays them out; a function within a function belongs to it."""
    found, end = [], 0
    for head in re.finditer(r"^( *)(?:pub(?:\(\w+\))? )?(?:const )?fn \w", source, re.MULTILINE):
        if head.start() >= end:
            start = source.index("{\n", head.start()) + 1
            end = source.index(f"\n{head[1]}}}\n", head.start()) + 1
            found.append(Function(start, end))
    return found


def weave(mutants):
    """Writes each function with all its mutants; returns those that are in none, and where each mutant stands: file, lines, mutant."""
    loose, places = [], []
    for file in sorted({mutant.file for mutant in mutants}):
        source = (ROOT / "proofs" / "src" / "privacy" / file).read_text()
        if file == "mod.rs":
            for left_out in LEFT_OUT:
                source = source.replace(f"pub mod {left_out};\n", "")
        known = functions(source)
        for mutant in (mutant for mutant in mutants if mutant.file == file):
            around = [function for function in known if function.start <= mutant.start and mutant.end <= function.end]
            around[0].mutants.append(mutant) if around else loose.append(mutant)
        woven, done = "", 0
        for function in (function for function in known if function.mutants):
            body = source[function.start : function.end]
            numbers = "|".join(str(mutant.number) for mutant in function.mutants)
            woven += source[done : function.start] + f"\nmatch crate::mutant() {{ n if !matches!(n, {numbers}) => {{{body}}}\n"
            for mutant in function.mutants:
                broken = source[function.start : mutant.start] + mutant.text + source[mutant.end : function.end]
                first = woven.count("\n") + 1
                woven += f"{mutant.number} => {{{broken}}}\n"
                places.append((file, first, woven.count("\n"), mutant))
            woven += "_ => unreachable!() }\n"
            done = function.end
        write(PRIVACY / file, woven + source[done:])
    return loose, places


def cargo(*arguments):
    """Runs cargo in the crate; its messages, and whether it succeeded."""
    command = ["cargo", *arguments, "-q", "--offline", "--message-format=json", "--target-dir", str(WORK / "target")]
    command += ["--manifest-path", str(WORK / "Cargo.toml")]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    messages = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    errors = [one["message"] for one in messages if one["reason"] == "compiler-message" and one["message"]["level"] == "error"]
    return messages, errors, run


def build():
    """Builds the tests; each with its file."""
    messages, errors, run = cargo("test", "--no-run", "--lib", *(f"--test={test}" for test in TESTS if test != "lib"))
    if run.returncode:
        sys.exit("\n".join(error["rendered"] for error in errors) or run.stderr)
    name = lambda target: "lib" if "lib" in target["kind"] else target["name"]
    files = {name(one["target"]): one["executable"] for one in messages if one.get("executable")}
    return [(test, files[test]) for test in TESTS]


def woven(mutants):
    """Weaves as many of the mutants as compile so; those that do not."""
    left, apart = list(mutants), []
    while True:
        prepare()
        loose, places = weave(left)
        apart += loose
        left = [mutant for mutant in left if mutant not in loose]
        _, errors, run = cargo("check")
        if run.returncode == 0:
            return left, apart
        guilty = []
        for error in errors:
            for span in sorted(error["spans"], key=lambda span: not span["is_primary"]):
                at = [m for file, first, last, m in places if span["file_name"].endswith(f"privacy/{file}") and first <= span["line_start"] <= last]
                if at:
                    guilty += at
                    break
        guilty = [mutant for mutant in left if mutant in guilty]
        if not guilty:
            sys.exit("\n".join(error["rendered"] for error in errors) or run.stderr)
        apart += guilty
        left = [mutant for mutant in left if mutant not in guilty]


def limited():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run_test(executable, number, patience):
    """Whether a test passes with a mutant; None if it takes too long. What it said."""
    command = [executable, "--quiet", *(word for test in SKIPPED for word in ("--skip", test))]
    environment = {**os.environ, "MUTANT": str(number)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", cwd=WORK, env=environment, preexec_fn=limited, start_new_session=True
    ) as process:
        try:
            output, _ = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            # With the second checkers that it started.
            os.killpg(process.pid, 9)
            process.communicate()
            return None, "took too long"
    return process.returncode == 0, output


def baseline(tests):
    """What the tests take unbroken; exits if one fails."""
    times = {}
    for test, executable in tests:
        start = time.monotonic()
        passed, output = run_test(executable, 0, None)
        times[test] = time.monotonic() - start
        if not passed:
            sys.exit(f"the unbroken code fails `{test}`:\n{output}")
    print("unbroken: " + ", ".join(f"{test} {seconds:.1f} s" for test, seconds in times.items()), flush=True)
    return times


def verdict(mutant, tests, times):
    """What becomes of a mutant, and the test that noticed it."""
    for test, executable in tests:
        passed, output = run_test(executable, mutant.number, PATIENCE * times[test] + AT_LEAST)
        if not passed:
            failed = re.findall(r"^    ([\w:]+)$", output, re.MULTILINE)
            return "noticed" if passed is False else "timed out", test, sorted(set(failed))
    return "survives", None, []


def alone(mutant, times, quick):
    """The same for a mutant that is built by itself."""
    prepare()
    path = PRIVACY / mutant.file
    source = path.read_text()
    path.write_text(source[: mutant.start] + mutant.text + source[mutant.end :])
    _, _, run = cargo("check")
    if run.returncode:
        return "does not compile", None, []
    found, test, failed = verdict(mutant, build()[: len(QUICK) if quick else len(TESTS)], times)
    return "survives the quick tests" if quick and found == "survives" else found, test, failed


class Results:
    """Verdicts of this run and of those before it, of the same file."""

    def __init__(self, mutants):
        self.path = WORK / "results.jsonl"
        digest = lambda file: hashlib.sha256((PRIVACY / file).read_bytes()).hexdigest()[:16]
        self.source = {file: digest(file) for file in {mutant.file for mutant in mutants}}
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        records = [record for record in map(json.loads, lines) if record["source"] == self.source.get(record["key"][0])]
        self.verdicts = {(*record["key"], record["occurrence"]): record["verdict"] for record in records}

    def add(self, mutant, occurrence, found, test, failed, seconds):
        self.verdicts[(*mutant.key(), occurrence)] = found
        record = {"source": self.source[mutant.file], "key": mutant.key(), "occurrence": occurrence, "verdict": found, "by": test, "tests": failed}
        with self.path.open("a") as file:
            file.write(json.dumps({**record, "seconds": round(seconds, 2)}) + "\n")


def run(mutants, words, quick):
    """Tries the mutants; the exit status."""
    results = Results(mutants)
    occurrences = {}
    for number, mutant in enumerate(mutants, 1):
        mutant.number = number
        occurrences[number] = sum(other.key() == mutant.key() for other in mutants[: number - 1])
    chosen = [mutant for mutant in mutants if not words or any(word in str(mutant) for word in words)]
    of = lambda mutant: results.verdicts.get((*mutant.key(), occurrences[mutant.number]))
    todo = [mutant for mutant in chosen if of(mutant) in (None, "survives", "survives the quick tests")]

    def note(mutant, found, start):
        results.add(mutant, occurrences[mutant.number], *found, time.monotonic() - start)
        if found[0] == "survives" and mutant.key() not in JUSTIFIED:
            print(f"SURVIVES {mutant}", flush=True)

    if todo:
        together, apart = woven(todo)
        print(f"{len(chosen)} mutants; {len(together)} to try together, {len(apart)} by themselves", flush=True)
        tests = build()
        times = baseline(tests)
        slow = []
        for mutant in together:
            start = time.monotonic()
            found = verdict(mutant, tests[: len(QUICK)], times)
            if found[0] == "survives":
                slow.append(mutant)
                found = ("survives the quick tests", None, [])
            note(mutant, found, start)
        for mutant in [] if quick else slow:
            start = time.monotonic()
            note(mutant, verdict(mutant, tests[len(QUICK) :], times), start)
        for mutant in apart:
            start = time.monotonic()
            note(mutant, alone(mutant, times, quick), start)
        prepare()
    return report(chosen, of)


def bounds(arguments):
    """Has cargo-mutants break the certified bounds; its exit status. Their tests stand beside them, and need the simulator."""
    command = ["cargo", "mutants", "--dir", str(ROOT), "--output", str(WORK), "--no-shuffle", "--package", "viewless-proofs"]
    command += ["--file", "proofs/src/bound/**/*.rs", "--cargo-test-arg=--lib", "--exclude-re", "fmt::Display|fmt::Debug", *arguments]
    # Arguments after `--` would be those of cargo test; these go to the tests.
    environment = {name: text for name, text in os.environ.items() if name != "CARGO_TARGET_DIR"}
    return subprocess.run([*command, "--", "--", "bound", "audit"], env=environment).returncode


def report(chosen, of):
    counts = {}
    for mutant in chosen:
        counts[of(mutant)] = counts.get(of(mutant), 0) + 1
    print(f"{len(chosen)} mutants: " + ", ".join(f"{count} {found}" for found, count in sorted(counts.items())))
    survivors = [mutant for mutant in chosen if of(mutant) in ("survives", "survives the quick tests")]
    for mutant in survivors:
        reason = JUSTIFIED.get(mutant.key())
        print(f"  {mutant}\n    justified: {reason}" if reason else f"SURVIVES {mutant}")
    unjustified = sum(mutant.key() not in JUSTIFIED for mutant in survivors)
    print(f"{unjustified} survive unjustified")
    return 1 if unjustified else 0


def main():
    WORK.mkdir(parents=True, exist_ok=True)
    if sys.argv[1:3] == ["--tool", "bound"]:
        sys.exit(bounds(sys.argv[3:]))
    prepare()
    quick = "--quick" in sys.argv
    arguments = [word for word in sys.argv[1:] if word != "--quick"]
    if arguments[:1] == ["--tool"]:
        parts, words = arguments[1].split(","), arguments[2:]
        if not set(parts) <= set(PARTS):
            sys.exit(f"no part `{arguments[1]}`: {', '.join(PARTS)}, several with commas between, or bound")
        sys.exit(run(generated(parts), words, quick))
    sys.exit(run(listed(), arguments, quick))


if __name__ == "__main__":
    main()
