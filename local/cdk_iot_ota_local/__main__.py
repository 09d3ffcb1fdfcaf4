"""Run the emulator in the foreground: `python -m cdk_iot_ota_local [--port N] [--auth] [--wait-scale X]`."""

from __future__ import annotations

import argparse
import signal
import sys
import time

from .client.local_aws import LocalAws
from .errors import LocalAwsError


def main() -> None:
    """Start the emulator, print the environment for another shell, and run until Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="python -m cdk_iot_ota_local", description="Run an AWS emulator on this machine, on loopback only."
    )
    parser.add_argument("--port", type=int, help="port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--auth", action="store_true", help="enforce signatures and IAM policies")
    parser.add_argument("--wait-scale", type=float, default=0.02, help="factor on Step Functions waits (default: 0.02)")
    options = parser.parse_args()
    # A list, not an Event: waiting on an Event holds a lock that the signal handler would need.
    signals: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: signals.append(received))
    try:
        with LocalAws(auth=options.auth, port=options.port, wait_scale=options.wait_scale) as aws:
            print("# Paste these lines into another shell. Press Ctrl-C here to stop the emulator.", file=sys.stderr)
            print("\n".join(aws.shell_exports()), flush=True)
            while not signals and aws.running:
                time.sleep(0.2)
            if not signals:
                sys.exit(f"cdk_iot_ota_local: the emulator stopped, the end of its log:\n{aws.log_tail(20)}")
    except LocalAwsError as error:
        sys.exit(f"cdk_iot_ota_local: {error}")


if __name__ == "__main__":
    main()
