"""Local AWS refuses other networks, another ministack and missing packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from cdk_iot_ota_local import LocalAwsError
from cdk_iot_ota_local.client.admin import AdminClient
from cdk_iot_ota_local.ministack.emulator import REQUIRED, VERSION, check_names, check_version
from cdk_iot_ota_local.network import require_loopback, require_loopback_url

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "example.com", "localhost", "::"])
def test_only_loopback_is_bound(host: str) -> None:
    """The server binds only literal loopback addresses."""
    with pytest.raises(LocalAwsError, match=f"host must be a loopback address, got '{host}': use 127.0.0.1"):
        require_loopback(host)


@pytest.mark.parametrize("url", ["https://iot.eu-central-1.amazonaws.com", "http://10.0.0.1:80", "ftp://127.0.0.1"])
def test_only_loopback_is_called(url: str) -> None:
    """A client refuses any other address before it calls."""
    with pytest.raises(LocalAwsError, match="endpoint_url must be http on a loopback address"):
        AdminClient(url)


def test_loopback_is_allowed() -> None:
    """Loopback addresses are accepted."""
    assert require_loopback("127.0.0.1") == "127.0.0.1"
    assert require_loopback("::1") == "::1"
    assert require_loopback_url("http://127.0.0.1:4566/") == "http://127.0.0.1:4566"


def test_server_refuses_another_host(tmp_path: Path) -> None:
    """The server's process exits with the reason when it is asked to bind every interface."""
    command = [sys.executable, "-m", "cdk_iot_ota_local.server.server", "--host", "0.0.0.0", "--temp", str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "host must be a loopback address, got '0.0.0.0'" in ended.stderr


def test_version_is_exact() -> None:
    """Another version of ministack is refused, with the command that installs the right one."""
    check_version(VERSION)
    with pytest.raises(LocalAwsError, match=f"needs ministack=={VERSION}, found 1.6.0: pip install"):
        check_version("1.6.0")


def test_missing_names_are_listed() -> None:
    """A name that ministack lacks is reported before anything starts."""
    names = REQUIRED["router"][1]
    check_names({"router": SimpleNamespace(**dict.fromkeys(names))})
    with pytest.raises(LocalAwsError, match=r"lacks ministack.core.router.extract_access_key_id: reinstall"):
        check_names({"router": SimpleNamespace()})
