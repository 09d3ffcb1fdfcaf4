"""The emulator's process: `python -m cdk_iot_ota_local.server.server`, started by `LocalAws`.

It runs while its standard input is open: when the starting process ends, for whatever reason,
the server and its Lambda workers are killed and their temporary folder is removed.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import subprocess
import sys
import threading
from typing import Any, cast

from ..errors import LocalAwsError
from ..faults import FaultRules
from ..ministack.alarms import complete_alarms
from ..ministack.connections import allow_cuts, trust_loopback
from ..ministack.emulator import Emulator, load
from ..ministack.job_index import index_jobs
from ..ministack.lambda_workers import forget_late_output, prepare_workers
from ..ministack.notifications import skip_unheard
from ..ministack.presigned import presign_versions
from ..ministack.rollbacks import repair_cloudformation
from ..ministack.s3_kms import check_reads
from ..network import require_loopback
from ..ota.delivery import FileDelivery
from ..ota.routes import OtaRoutes
from ..ota.store import Store
from .admin import Admin


def build(emulator: Emulator) -> Admin:
    """Build the ASGI app: the emulator with its OTA routes, behind the faults."""
    store, faults = Store(emulator), FaultRules()
    OtaRoutes(emulator, store, faults).install()
    store.signer.install()
    FileDelivery(emulator, store).install()
    trust_loopback(emulator)
    check_reads(emulator)
    complete_alarms(emulator)
    index_jobs(emulator)
    skip_unheard(emulator)
    presign_versions(emulator)
    prepare_workers(emulator)
    forget_late_output(emulator)
    return Admin(emulator, store, faults, repair_cloudformation(emulator))


_CLEANER = "import os, shutil, sys; os.killpg(int(sys.argv[1]), 9); shutil.rmtree(sys.argv[2], ignore_errors=True)"


def end_with_parent(temp: str) -> None:
    """Wait for the end of standard input, then kill the whole process group and remove its folder.

    A process outside the group does it: the folder can only be removed once no process writes to it.
    """
    sys.stdin.buffer.read()
    command = [sys.executable, "-I", "-S", "-c", _CLEANER, str(os.getpgrp()), temp]
    subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL)


async def serve(app: Admin, bind: str) -> None:
    """Serve until the process is killed."""
    from hypercorn.asyncio import serve as hypercorn_serve
    from hypercorn.config import Config

    config = Config()
    config.bind = [bind]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    await hypercorn_serve(cast(Any, app), config)


def main() -> None:
    """Run the server on a socket that the parent bound, or on a loopback address."""
    parser = argparse.ArgumentParser(prog="python -m cdk_iot_ota_local.server.server")
    parser.add_argument("--fd", type=int, help="a bound socket, inherited from the parent")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--temp", required=True, help="the temporary folder to remove at the end")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    try:
        host = require_loopback(options.host)
        emulator = load()
    except LocalAwsError as error:
        sys.exit(f"cdk_iot_ota_local: {error}")
    threading.Thread(target=end_with_parent, args=(options.temp,), daemon=True).start()
    allow_cuts(emulator)
    bind = f"{host}:{os.environ['GATEWAY_PORT']}" if options.fd is None else f"fd://{options.fd}"
    asyncio.run(serve(build(emulator), bind))


if __name__ == "__main__":
    main()
