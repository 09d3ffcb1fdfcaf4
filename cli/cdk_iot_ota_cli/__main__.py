"""Entry point of ``cdk-iot-ota`` and ``python -m cdk_iot_ota_cli``."""

import sys
from collections.abc import Sequence
from io import TextIOWrapper

_EXIT_USAGE = 2
_EXIT_INTERRUPTED = 130
_DEPENDENCIES = ("boto3", "botocore", "click", "rich")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with the given arguments, by default the process's own, and return its exit code."""
    try:
        import click

        from .status import status
        from .stop import stop
        from .wait import wait
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _DEPENDENCIES:
            raise
        print(f"{missing} is not installed: pip install 'cdk-iot-ota[cli]'", file=sys.stderr)
        return _EXIT_USAGE
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # Reasons quote what devices report, which not every terminal and log can encode.
            stream.reconfigure(errors="replace")
    group = click.Group(commands=[status, wait, stop], help="Operate OTA updates that a stack deploys.")
    group = click.version_option(package_name="cdk-iot-ota")(group)
    try:
        code: int = group.main(arguments, prog_name="cdk-iot-ota", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return _EXIT_INTERRUPTED
    return code


if __name__ == "__main__":
    sys.exit(main())
