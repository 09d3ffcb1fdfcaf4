"""AWS on one machine: an emulator with OTA updates, faults at run time, and a fleet of devices.

Everything listens and talks on the loopback interface only.
"""

from __future__ import annotations

from local_aws.account import Account
from local_aws.client import Faults
from local_aws.device import Behaviour
from local_aws.errors import LocalAwsError
from local_aws.fleet import Fleet
from local_aws.leftovers import Leftovers, leftovers
from local_aws.process import LocalAws
from local_aws.progress import Progress

__all__ = [
    "Account",
    "Behaviour",
    "Faults",
    "Fleet",
    "Leftovers",
    "LocalAws",
    "LocalAwsError",
    "Progress",
    "leftovers",
]
