"""`LocalAws`: the emulator as a context manager."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from ..errors import LocalAwsError
from ..network import LOOPBACK, listen
from .admin import AdminClient, Calls, Faults, SettingsClient
from .environment import SECRET, client_environment, server_environment
from .mqtt import connect_mqtt

_T = TypeVar("_T")
_SERVER = "cdk_iot_ota_local.server.server"
_START_SECONDS = 60.0
# The extra's packages by module, imported only where they are used, so that this package can report the missing ones.
_PACKAGES = {
    "boto3": "boto3",
    "cbor2": "cbor2",
    "cryptography": "cryptography",
    "hypercorn": "hypercorn",
    "ministack": "ministack",
    "paho": "paho-mqtt",
}


class LocalAws:
    """AWS on this machine, running while the context is open.

    auth: enforce signatures and IAM policies.
    port: the loopback port; a free one by default.
    region, account: those of every client and every child process.
    wait_scale: factor on the waits of Step Functions; 0.02 turns a minute into 1.2 seconds.
    """

    def __init__(
        self,
        *,
        auth: bool = False,
        port: int | None = None,
        region: str = "eu-central-1",
        account: str = "111122223333",
        wait_scale: float = 0.02,
    ) -> None:
        _require_packages()
        if not re.fullmatch(r"\d{12}", account):
            raise LocalAwsError(f"account must have 12 digits, got {account!r}")
        self.auth, self.region, self.account, self._wait_scale = auth, region, account, wait_scale
        self._port = port
        self._session, self._lock = _session(), threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._temp: Path | None = None
        self._url: str | None = None

    def __enter__(self) -> LocalAws:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def endpoint_url(self) -> str:
        """The endpoint of every AWS service."""
        return _of_running(self._url)

    @property
    def pid(self) -> int:
        """The process id of the server, which is also the id of its process group."""
        return _of_running(self._process).pid

    @property
    def temp_folder(self) -> Path:
        """The private temporary folder of the server and its workers."""
        return _of_running(self._temp)

    @property
    def running(self) -> bool:
        """True while the server is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the server and wait until it answers; LocalAwsError with the end of its log if it stops."""
        if self._process is not None:
            raise LocalAwsError("the emulator is already running: stop it first")
        with listen(self._port) as listener:
            port = listener.getsockname()[1]
            self._temp = Path(tempfile.mkdtemp(prefix="local-aws-"))
            self._url = f"http://{LOOPBACK}:{port}"
            self._process = self._spawn(listener.fileno(), port, self._temp)
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _spawn(self, fd: int, port: int, temp: Path) -> subprocess.Popen[bytes]:
        environment = server_environment(
            port=port,
            account=self.account,
            region=self.region,
            auth=self.auth,
            wait_scale=self._wait_scale,
            temp=temp,
        )
        with (temp / "server.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", _SERVER, "--fd", str(fd), "--temp", str(temp)],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=[fd],
                # A separate process group, so that Lambda workers can be stopped with it.
                start_new_session=True,
            )

    def _wait(self) -> None:
        deadline, client = time.monotonic() + _START_SECONDS, AdminClient(self.endpoint_url)
        while time.monotonic() < deadline:
            if not self.running:
                raise LocalAwsError(f"the emulator stopped while starting, the end of its log:\n{self.log_tail(20)}")
            try:
                client.call("GET", "ready")
                return
            except OSError:
                time.sleep(0.05)
        raise LocalAwsError(
            f"the emulator did not answer within {_START_SECONDS:.0f} s, the end of its log:\n{self.log_tail(20)}"
        )

    def stop(self) -> None:
        """Stop the server and its workers, and remove their temporary folder. Safe to call again."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            if self._process.stdin:
                self._process.stdin.close()
            self._process.wait()
        if self._temp is not None:
            shutil.rmtree(self._temp, ignore_errors=True)
        self._process = self._temp = self._url = None

    def environment(self) -> dict[str, str]:
        """Return the environment of a child process, without access to the user's own accounts."""
        return client_environment(self.endpoint_url, self.account, self.region)

    def shell_exports(self) -> list[str]:
        """Return shell lines that point another shell at the emulator and away from the user's own accounts."""
        variables = client_environment(self.endpoint_url, self.account, self.region, base={})
        del variables["PATH"]
        lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
        return ["unset AWS_PROFILE AWS_SESSION_TOKEN", *lines]

    def client(self, service: str, **options: Any) -> Any:
        """Create a boto3 client of the emulator; `options` go to boto3, such as other credentials."""
        from botocore.config import Config

        # botocore would compose its own user agent for each call, in a tenth of the call's processor time.
        agent = "cdk-iot-ota-local"
        config = Config(user_agent=agent, s3={"addressing_style": "path"}, retries={"mode": "standard"}, proxies={})
        if "config" in options:
            options["config"] = config.merge(options["config"])
        arguments = {
            "endpoint_url": self.endpoint_url,
            "region_name": self.region,
            "aws_access_key_id": self.account,
            "aws_secret_access_key": SECRET,
            "config": config,
            **options,
        }
        # One session keeps the service models that it has loaded, but must not create clients in two threads at once.
        with self._lock:
            return self._session.client(service, **arguments)

    @property
    def assets_bucket(self) -> str:
        """The bucket that `cdk bootstrap` creates."""
        return f"cdk-hnb659fds-assets-{self.account}-{self.region}"

    @property
    def poll_seconds(self) -> float:
        """The pause between two polls: nothing takes long here."""
        return 0.1

    def named(self, name: str) -> str:
        """Return the name unchanged: the account holds nothing but ours."""
        return name

    def owns(self, kind: str, name: str) -> bool:
        """Return True: every OTA update, job and stream here is ours."""
        return True

    def add_things(self, group: str, things: Sequence[str]) -> None:
        """Create things in a group, with one call for all of them."""
        body = {"account": self.account, "region": self.region, "group": group, "things": list(things)}
        AdminClient(self.endpoint_url).call("POST", "things", body)

    def connect_mqtt(self, client_id: str) -> Any:
        """Return a connected client of paho-mqtt 2, which speaks MQTT over a WebSocket to the message broker.

        client_id: of the connection; devices use the name of their thing. Set the callbacks, then call `loop_start`.
        """
        return connect_mqtt(self.endpoint_url, self.account, self.region, client_id)

    def signing_certificate(self, profile: str) -> str:
        """Return the certificate that verifies what AWS Signer signs with a profile, as PEM.

        profile: the name of a signing profile, or the ARN of a certificate in ACM that a profile names.
        LocalAwsError if there is no such profile for devices.
        """
        body = {"account": self.account, "region": self.region, "name": profile}
        return str(AdminClient(self.endpoint_url).call("POST", "signing-certificate", body))

    def log_tail(self, lines: int = 50) -> str:
        """Return the last lines of the server's log."""
        if self._temp is None or not (log := self._temp / "server.log").exists():
            return ""
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])

    @property
    def faults(self) -> Faults:
        """Faults to switch on and off."""
        return Faults(AdminClient(self.endpoint_url))

    @property
    def settings(self) -> SettingsClient:
        """Settings of the OTA service to change and reset."""
        return SettingsClient(AdminClient(self.endpoint_url))

    @property
    def calls(self) -> Calls:
        """Recorded calls: `calls()` counts them, `calls.log()` lists them, `calls.reset()` forgets them."""
        return Calls(AdminClient(self.endpoint_url))


def _of_running(value: _T | None) -> _T:
    if value is None:
        raise LocalAwsError("the emulator is not running: use LocalAws as a context manager")
    return value


def _require_packages() -> None:
    """Raise LocalAwsError if a package of the `local` extra is not installed."""
    missing = [package for module, package in _PACKAGES.items() if find_spec(module) is None]
    if missing:
        raise LocalAwsError(f"local AWS needs {', '.join(missing)}: pip install 'cdk-iot-ota[local]'")


# Ignore the user's own profiles and configuration: (file key, environment variable, value, conversion)
_SESSION_VARIABLES = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


def _session() -> Any:
    import boto3
    import botocore.session

    return boto3.session.Session(botocore_session=botocore.session.Session(_SESSION_VARIABLES))
