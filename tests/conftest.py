"""What all tests share."""

import os
import shutil
import sys
from pathlib import Path

# The project's own Node, which came with the virtual environment, before any other; jsii starts it on the first import.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
# CDK's own validation of templates takes most of a synth; one test runs it on purpose.
os.environ["CDK_VALIDATION"] = "false"

assert shutil.which("node"), "node must be on the path: run `make setup`"
