"""The emulator starts, listens on loopback only, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from cdk_iot_ota_local import LocalAws, LocalAwsError

ROOT = Path(__file__).parents[2]


def members(group: int) -> list[int]:
    """Return the live processes of a group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, leader = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(leader) == group and state != "Z":
            found.append(int(stat.parent.name))
    return found


def wait_until_gone(group: int, temp: Path) -> None:
    """Fail if the processes or the folder still exist after a few seconds."""
    deadline = time.monotonic() + 5
    while members(group) or temp.exists():
        assert time.monotonic() < deadline, (members(group), temp)
        time.sleep(0.05)


def test_stop_leaves_nothing() -> None:
    """Leaving the context leaves no process of the server's group and no temporary folder."""
    with LocalAws() as aws:
        group, temp, url = aws.pid, aws.temp_folder, aws.endpoint_url
        assert members(group)
        assert temp.parent == Path(tempfile.gettempdir())
        assert url.startswith("http://127.0.0.1:")
    wait_until_gone(group, temp)
    with pytest.raises(LocalAwsError, match="is not running"):
        aws.client("iot")


def test_killed_parent_leaves_nothing() -> None:
    """The server ends and removes its folder when the process that started it is killed."""
    script = (
        "from cdk_iot_ota_local import LocalAws; import time\n"
        "aws = LocalAws(); aws.start(); print(aws.pid, aws.temp_folder, flush=True); time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    with parent, parent.stdout:
        pid, temp = parent.stdout.readline().split()
        parent.kill()
    wait_until_gone(int(pid), Path(temp))


def test_command_line() -> None:
    """`python -m cdk_iot_ota_local` prints the exports for another shell and ends on SIGTERM."""
    command = [sys.executable, "-m", "cdk_iot_ota_local"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = [process.stdout.readline().strip() for _ in range(2)]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    assert lines[0] == "unset AWS_PROFILE AWS_SESSION_TOKEN"
    assert lines[1].startswith("export AWS_ENDPOINT_URL=http://127.0.0.1:")


def test_command_line_without_the_extra() -> None:
    """`python -m cdk_iot_ota_local` without its packages fails with one line that names the extra."""
    # -S leaves out site-packages, and with it all packages that are not part of Python.
    command = [sys.executable, "-S", "-m", "cdk_iot_ota_local"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "local")}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        "cdk_iot_ota_local: local AWS needs boto3, cbor2, cryptography, hypercorn, ministack, paho-mqtt: "
        "pip install 'cdk-iot-ota[local]'\n"
    )


def test_port_in_use() -> None:
    """A port that is in use is refused by its number."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LocalAwsError, match=f"port {port} of 127.0.0.1 is in use"):
            LocalAws(port=port).start()


def test_wrong_arguments() -> None:
    """A port out of range and an invalid account number are refused."""
    with pytest.raises(LocalAwsError, match="port must be between 1 and 65535, got 0"):
        LocalAws(port=0).start()
    with pytest.raises(LocalAwsError, match="account must have 12 digits, got '42'"):
        LocalAws(account="42")


def test_environment_reaches_the_emulator_only(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child's environment has the emulator's address and nothing of the user's own accounts."""
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://s3.example.com")
    environment = aws.environment()
    assert environment["AWS_ENDPOINT_URL"] == aws.endpoint_url
    assert environment["AWS_ACCESS_KEY_ID"] == aws.account
    assert environment["AWS_CONFIG_FILE"] == environment["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"} & environment.keys()


def test_clients_ignore_profiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client uses the emulator's account whatever profile the user has set."""
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere/config")
    with LocalAws() as aws:
        assert aws.client("sts").get_caller_identity()["Account"] == aws.account


def test_server_that_cannot_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that stops while starting is reported with the end of its log."""
    monkeypatch.setattr("cdk_iot_ota_local.client.local_aws._SERVER", "no_such_module")
    with pytest.raises(LocalAwsError, match="No module named"):
        LocalAws().start()


def test_server_listens_on_loopback_only(aws: LocalAws) -> None:
    """The server is bound to 127.0.0.1 and to no other address."""
    port = int(aws.endpoint_url.rpartition(":")[2])
    # Another address of the loopback network would answer if every interface were bound.
    with socket.socket() as outside, pytest.raises(ConnectionRefusedError):
        outside.connect(("127.0.0.2", port))
