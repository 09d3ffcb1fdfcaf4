"""Configuration that all tests share."""

import gc
import os
import shutil
import sys
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

# The files that keep a worker busy for longest, in the order in which they start: at the end none runs alone.
LONGEST = (
    # These wait for minutes, while the others keep the processors busy.
    "end_to_end/test_gate_scenarios.py",
    "end_to_end/test_gate.py",
    "end_to_end/test_scale.py",
    "model/test_machine.py",
    "end_to_end/test_gate_permissions.py",
    "end_to_end/test_phases.py",
    "end_to_end/test_devices.py",
    "demo/test_demo.py",
    "demo/test_ends.py",
    "end_to_end/test_deploy.py",
    "end_to_end/test_faults.py",
    "end_to_end/test_refusals_of_service.py",
    "end_to_end/test_permissions.py",
    "end_to_end/test_cdk_cli.py",
    "end_to_end/test_duplicates.py",
    "end_to_end/test_refusals_of_handler.py",
    "end_to_end/test_refusals.py",
    "real_aws/test_whole_run.py",
    "end_to_end/test_by_hand.py",
    "contract/test_round_trip.py",
    "model/test_faults.py",
    "project/test_project.py",
    "security/test_templates.py",
    "security/test_rule_packs.py",
    "local/test_fleet.py",
    "construct/test_policy_sizes.py",
    "typing/test_typing.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the files that take longest, and keep the order of all others."""
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


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
