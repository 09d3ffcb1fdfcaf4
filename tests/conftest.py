"""What all tests share."""

import os
import shutil
import sys
from pathlib import Path

from hypothesis import settings

# The project's own Node, which came with the virtual environment, before any other; jsii starts it on the first import.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
# CDK's own validation of templates takes most of a synth; one test runs it on purpose.
os.environ["CDK_VALIDATION"] = "false"

assert shutil.which("node"), "node must be on the path: run `make setup`"

# The same examples every time, so that a run fails because of a change; HYPOTHESIS_PROFILE=explore looks for new ones.
settings.register_profile("same", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("explore", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
