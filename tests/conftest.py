"""Configuration that all tests share."""

import gc
import os
import shutil
import sys
from pathlib import Path

from hypothesis import settings

# Put the Node of the virtual environment first; jsii starts Node on its first import.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
# CDK's template validation takes most of a synth; one test turns it on.
os.environ["CDK_VALIDATION"] = "false"

assert shutil.which("node"), "node must be on the path: run `make setup`"

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
