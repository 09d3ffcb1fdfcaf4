"""Configuration that all tests share."""

import os
import shutil
import sys
from pathlib import Path

from hypothesis import settings

# Put the Node of the virtual environment first; jsii starts Node on its first import.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
# CDK's template validation takes most of a synth; one test turns it on.
os.environ["CDK_VALIDATION"] = "false"
# Nothing that CDK has deprecated is used.
os.environ["JSII_DEPRECATED"] = "fail"

assert shutil.which("node"), "node must be on the path: run `make setup`"

# Use the same examples in every run, so that only a change can fail one; HYPOTHESIS_PROFILE=explore tries new ones.
settings.register_profile("same", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("explore", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
