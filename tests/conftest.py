"""Configuration that all tests share."""

import gc
import os
import shutil
import sys
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import settings

# Put the Node of the virtual environment first; jsii starts Node on its first import.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
# CDK's template validation takes most of a synth; one test turns it on.
os.environ["CDK_VALIDATION"] = "false"
# Nothing that CDK has deprecated is used.
os.environ["JSII_DEPRECATED"] = "fail"

assert shutil.which("node"), "node must be on the path: run `make setup`"

# pytest shows the values only in asserts of test modules and of these.
pytest.register_assert_rewrite("tests.cli", "tests.demo", "tests.end_to_end.support", "tests.model")

# Files that wait for deploys most of the time, and files that keep a processor busy, each longest first. All others
# follow in their order.
WAITING = (
    "end_to_end/test_gate_scenarios.py",
    "end_to_end/test_gate_permissions.py",
    "demo/test_demo.py",
    "end_to_end/test_gate.py",
    "end_to_end/test_deploy.py",
    "end_to_end/test_scale.py",
    "end_to_end/test_phases.py",
    "end_to_end/test_duplicates.py",
    "end_to_end/test_devices.py",
    "end_to_end/test_faults.py",
    "end_to_end/test_refusals_of_service.py",
    "end_to_end/test_by_hand.py",
    "end_to_end/test_status.py",
    "end_to_end/test_refusals.py",
    "end_to_end/test_refusals_of_handler.py",
    "real_aws/test_whole_run.py",
    "end_to_end/test_deletion.py",
    "end_to_end/test_signatures.py",
    "end_to_end/test_consistency.py",
    "end_to_end/test_failures.py",
    "end_to_end/test_permissions.py",
    "end_to_end/test_ids.py",
    "end_to_end/test_service.py",
)
BUSY = (
    "model/test_machine.py",
    "demo/test_ends.py",
    "end_to_end/test_cdk_cli.py",
    "construct/test_quiet_permissions.py",
    "security/test_templates.py",
    "model/test_faults.py",
    "project/test_python_versions.py",
    "project/test_project.py",
    "typing/test_typing.py",
    "local/test_fleet.py",
    "contract/test_round_trip.py",
    "security/test_rule_packs.py",
    "construct/test_policy_sizes.py",
)
# How many workers begin with files that wait.
WAITING_FIRST = 4
missing = [name for name in (*WAITING, *BUSY) if not (Path(__file__).parent / name).exists()]
assert not missing, f"rename or remove them in WAITING and BUSY: {missing}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mix files that wait with files that keep a processor busy, so that there is work for the processors at any time.

    The others come last: they are short, so that at the end no worker runs alone for long.
    """
    here, found = Path(__file__).parent, dict.fromkeys(item.path for item in items)
    waiting = [path for name in WAITING if (path := here / name) in found]
    longest = dict.fromkeys(path for name in BUSY if (path := here / name) in found)
    busy = iter([path for path in {**longest, **found} if path not in waiting])
    order = waiting[:WAITING_FIRST]
    for path in waiting[WAITING_FIRST:]:
        order += [*islice(busy, 3), path]
    places = {path: place for place, path in enumerate([*order, *busy])}
    items.sort(key=lambda item: places[item.path])


# Collecting tests leaves hardly any garbage, and searching for it takes half of the time.
gc.disable()


def pytest_collection_finish() -> None:
    """Collect garbage again, but leave out what has been imported: it stays, and takes seconds to search."""
    gc.freeze()
    gc.enable()


# Use the same examples in every run, so that only a change can fail one; HYPOTHESIS_PROFILE=explore tries new ones.
settings.register_profile("same", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("explore", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
