"""AWS on one machine: an emulator with OTA updates, faults at run time, and a fleet of devices.

Everything listens and talks on the loopback interface only.
"""

from __future__ import annotations

from .account import Account
from .client.admin import Faults
from .client.local_aws import LocalAws
from .devices.device import Behaviour
from .devices.fleet import Fleet
from .devices.progress import Progress
from .errors import LocalAwsError
from .leftovers import Leftovers, leftovers

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
