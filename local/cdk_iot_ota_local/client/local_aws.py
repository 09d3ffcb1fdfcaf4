"""`LocalAws`: the emulator as a context manager."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from ..errors import LocalAwsError
from ..network import LOOPBACK, listen
from .admin import AdminClient, Calls, Faults, Settings
from .environment import SECRET, client_environment, server_environment

_SERVER = "cdk_iot_ota_local.server.server"
_START_SECONDS = 60.0


class LocalAws:
    """AWS on this machine, for as long as the context lasts.

    auth: whether signatures and IAM policies are enforced.
    port: the loopback port; a free one when it is left out.
    region, account: what every client and every child process is told.
    wait_scale: factor on the waits of Step Functions; 0.02 makes a minute 1.2 seconds.
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
        if not re.fullmatch(r"\d{12}", account):
            raise LocalAwsError(f"account must have 12 digits, got {account!r}")
        self.auth, self.region, self.account, self._wait_scale = auth, region, account, wait_scale
        self._wanted_port = port
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
        """Where every AWS service answers."""
        if self._url is None:
            raise LocalAwsError("the emulator is not running: use LocalAws as a context manager")
        return self._url

    @property
    def pid(self) -> int:
        """The process id of the server, which is also the id of its process group."""
        if self._process is None:
            raise LocalAwsError("the emulator is not running: use LocalAws as a context manager")
        return self._process.pid

    @property
    def temp_folder(self) -> Path:
        """The private temporary folder of the server and its workers."""
        if self._temp is None:
            raise LocalAwsError("the emulator is not running: use LocalAws as a context manager")
        return self._temp

    @property
    def running(self) -> bool:
        """Whether the server is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the server and wait until it answers; LocalAwsError with its last words if it ends."""
        if self._process is not None:
            raise LocalAwsError("the emulator is running already: stop it first")
        with listen(self._wanted_port) as listener:
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
                # A process group of its own, so that Lambda workers can be ended with it.
                start_new_session=True,
            )

    def _wait(self) -> None:
        deadline, client = time.monotonic() + _START_SECONDS, AdminClient(self.endpoint_url)
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise LocalAwsError(f"the emulator ended while starting, its last words:\n{self.log_tail(20)}")
            try:
                client.call("GET", "ready")
                return
            except OSError:
                time.sleep(0.05)
        raise LocalAwsError(f"the emulator did not answer in {_START_SECONDS:.0f} s:\n{self.log_tail(20)}")

    def stop(self) -> None:
        """End the server and its workers, and remove their temporary folder. Safe to call again."""
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
        """The whole environment for a child process, with no way to the user's own accounts."""
        return client_environment(self.endpoint_url, self.account, self.region)

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client of the emulator; `options` go to boto3, such as other credentials."""
        config = Config(s3={"addressing_style": "path"}, retries={"mode": "standard"}, proxies={})
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
        # A session keeps the models that it has read, but does not make clients in two threads at once.
        with self._lock:
            return self._session.client(service, **arguments)  # type: ignore[call-overload]

    @property
    def assets_bucket(self) -> str:
        """The bucket of `cdk bootstrap`, which has yet to make it."""
        return f"cdk-hnb659fds-assets-{self.account}-{self.region}"

    @property
    def poll_seconds(self) -> float:
        """How long to wait between two looks: nothing takes long here."""
        return 0.1

    def named(self, name: str) -> str:
        """The name itself: nobody else gives names here."""
        return name

    def owns(self, kind: str, name: str) -> bool:
        """Whether an OTA update, a job or a stream is ours: all of them are."""
        return True

    def add_things(self, group: str, things: Sequence[str]) -> None:
        """Make things in a group, with one call for all of them."""
        place = {"account": self.account, "region": self.region, "group": group}
        AdminClient(self.endpoint_url).call("POST", "things", {**place, "things": list(things)})

    def log_tail(self, lines: int = 50) -> str:
        """The last lines of the server's log."""
        if self._temp is None or not (log := self._temp / "server.log").exists():
            return ""
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])

    @property
    def faults(self) -> Faults:
        """Faults to switch on and off."""
        return Faults(AdminClient(self.endpoint_url))

    @property
    def settings(self) -> Settings:
        """The behaviour of the OTA service."""
        return Settings(AdminClient(self.endpoint_url))

    @property
    def calls(self) -> Calls:
        """The record of calls: `calls()` counts, `calls.log()` lists, `calls.reset()` forgets."""
        return Calls(AdminClient(self.endpoint_url))


# The user's own profiles and configuration have no say here: (file key, environment variable, value, conversion)
_SESSION_VARIABLES = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


def _session() -> boto3.session.Session:
    return boto3.session.Session(botocore_session=botocore.session.Session(_SESSION_VARIABLES))
