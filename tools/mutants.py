"""Change one thing at a time in the modules where a wrong line costs most, and report what no test notices.

A general mutation tester would not do: the best kept one changes only the bodies of functions and forks a process for
each mutant, but the permissions are tables of modules, and the Node process behind aws_cdk is not forked with it.

``python -m tools.mutants`` exits with 1 if a change survives that docs/mutants.md does not list, or if fewer than nine
of ten die in a module. It writes nothing into the project.
"""

import argparse
import os
import re
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from .mutant_worker import ROOT, Coverage, Job, Measurement, Worker, in_parallel
from .mutations import Mutant, mutants

LISTED = ROOT / "docs" / "mutants.md"
_HANDLER = "lambda/cdk_iot_ota_handler/ota_update"
_CONSTRUCTS = "constructs/cdk_iot_ota"
# The tests of one folder must notice the mutants of these modules. Snapshots do not count: they notice any change, and
# a flag renews them.
MODULES = {
    "tests/handler": [
        f"{_HANDLER}/decide/[!_]*.py",
        f"{_HANDLER}/create.py",
        f"{_HANDLER}/delete.py",
        f"{_HANDLER}/request.py",
        f"{_HANDLER}/service.py",
        f"{_HANDLER}/stop.py",
    ],
    "tests/construct": [
        f"{_CONSTRUCTS}/permissions/*.py",
        f"{_CONSTRUCTS}/_iam/*.py",
        f"{_CONSTRUCTS}/_synth/bucket_owner.py",
        f"{_CONSTRUCTS}/_synth/checks.py",
        f"{_CONSTRUCTS}/_synth/intrinsics.py",
    ],
}
_SCORE = 0.9
# A test that takes longer, its fixtures included, is left to `make test`.
_SLOW = 5.0


@dataclass
class Module:
    """A module, its mutants and what became of them."""

    path: str
    folder: str
    mutants: list[Mutant]
    listed: set[str]
    survivors: list[Mutant] = field(default_factory=list)
    _kills: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @classmethod
    def read(cls, path: str, folder: str, listed: Mapping[str, set[str]]) -> "Module":
        """Return the module of a file."""
        return cls(path, folder, mutants((ROOT / path).read_text(), import_name(path)), listed.get(path, set()))

    def tests_of(self, mutant: Mutant, coverage: Coverage) -> list[list[str]]:
        """Return the tests that run a mutant's lines: those named after the module's file or folder, then the others.

        Lines that run at the import concern all tests of the module. Tests that have killed most come first, then fast
        ones.
        """
        found: set[str] = set()
        for (path, line), tests in coverage.tests.items():
            if path == self.path and (line in mutant.lines or mutant.runs_at_import):
                found |= tests
        seconds, file = coverage.seconds, Path(self.path)
        ordered = sorted(
            (test for test in found if seconds[test] <= _SLOW),
            key=lambda test: (-self._kills[test], seconds[test], test),
        )
        own = re.compile(rf"/test_({file.stem}|{file.parent.name.strip('_')})")
        parts = [test for test in ordered if own.search(test)], [test for test in ordered if not own.search(test)]
        return [part for part in parts if part]

    def try_out(self, mutant: Mutant, coverage: Coverage, worker: Worker) -> None:
        """Run the tests that concern a mutant, and note it if they all pass."""
        for tests in self.tests_of(mutant, coverage):
            job = Job(tests, import_name(self.path), self.path, mutant.source)
            # An endless loop is noticed by the time it takes.
            if failed := worker.first_failure(job, 30 + 5 * sum(coverage.seconds[test] for test in tests)):
                self._kills[failed] += 1
                break
        else:
            self.survivors.append(mutant)
            print(f"\n{self.path}:{mutant.lines.start}: {mutant.change}", file=sys.stderr)
        print(".", end="", file=sys.stderr, flush=True)

    def report(self) -> tuple[bool, list[str]]:
        """Return whether enough mutants died and no survivor is new, and lines for a reader."""
        survived = {one.change for one in self.survivors}
        died = len(self.mutants) - len(survived)
        score = died / len(self.mutants)
        new = [one for one in self.survivors if one.change not in self.listed]
        lines = [f"{score:7.1%} {died:4} of {len(self.mutants):4}  {self.path}"]
        lines += [f"  new survivor in line {one.lines.start}: {one.change}" for one in new]
        lines += [f"  listed in {LISTED.name}, but not a survivor: {one}" for one in sorted(self.listed - survived)]
        return score >= _SCORE and not new, lines


def import_name(path: str) -> str:
    """Return the name of a module of the four packages, by its path in the project."""
    return ".".join(Path(path).with_suffix("").parts[1:])


def read_listed(text: str) -> dict[str, set[str]]:
    """Return the listed survivors by file: list items below a heading with its path."""
    found: dict[str, set[str]] = defaultdict(set)
    path = ""
    for line in text.splitlines():
        if heading := re.fullmatch(r"## `(.+)`", line):
            path = heading[1]
        elif item := re.fullmatch(r"- `(.+)`", line):
            found[path].add(item[1])
    return found


def read_modules(wanted: Sequence[str]) -> list[Module]:
    """Return the modules with one of the texts in their paths, or all of them."""
    listed = read_listed(LISTED.read_text())
    files = {
        path.relative_to(ROOT).as_posix(): folder
        for folder, patterns in MODULES.items()
        for pattern in patterns
        for path in sorted(ROOT.glob(pattern))
    }
    chosen = [path for path in files if not wanted or any(one in path for one in wanted)]
    return [found for path in chosen if (found := Module.read(path, files[path], listed)).mutants]


def measure(modules: Sequence[Module], workers: Sequence[Worker]) -> dict[str, Coverage]:
    """Run all tests of the modules' folders once, without a mutant, and return what each runs."""
    files: dict[str, list[str]] = defaultdict(list)
    for module in modules:
        files[module.folder].append(module.path)
    found: dict[str, Coverage] = {}

    def run(folder: str, worker: Worker) -> None:
        found[folder] = worker.measure(Measurement(folder, files[folder]))

    in_parallel([partial(run, folder) for folder in reversed(files)], workers)
    return found


def main() -> int:
    """Test the mutants, print the report and return 1 if there is something to do."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants")
    parser.add_argument("wanted", nargs="*", metavar="PATH", help="a part of the paths of modules. Default: all")
    start, modules = time.monotonic(), read_modules(parser.parse_args().wanted)
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        # For the worker processes: whatever they write disappears with this folder.
        os.environ.update(TMPDIR=folder, PYTHONPYCACHEPREFIX=f"{folder}/pyc", HYPOTHESIS_STORAGE_DIRECTORY=folder)
        workers = [Worker() for _ in range(os.cpu_count() or 1)]
        coverage = measure(modules, workers)
        in_parallel(
            [partial(one.try_out, mutant, coverage[one.folder]) for one in modules for mutant in one.mutants], workers
        )
        for worker in workers:
            worker.close()
    reports = [module.report() for module in modules]
    print("", *(line for _, lines in reports for line in lines), sep="\n")
    print(f"{sum(len(one.mutants) for one in modules)} mutants in {(time.monotonic() - start) / 60:.0f} minutes")
    return 0 if all(is_good for is_good, _ in reports) else 1


if __name__ == "__main__":
    sys.exit(main())
