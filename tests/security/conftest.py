"""The fixture that the tests of ``WaitForDevices`` share."""

import pytest

from ..construct.pipeline import Made, made


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Return a pipeline with every argument of the step."""
    return made(tmp_path_factory.mktemp("pipeline"))
