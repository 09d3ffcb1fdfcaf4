"""AWS on one machine: an emulator with OTA updates, faults at run time, and a fleet of simulated devices.

Everything listens and connects on the loopback interface only.
"""

from __future__ import annotations

from .account import Account
from .client.admin import Faults
from .client.local_aws import LocalAws
from .devices.device import Behaviour
from .devices.fleet import Fleet
from .devices.profile import CLASSIC, MODULAR, TAKES_ALL, Profile
from .devices.progress import JobProgress
from .errors import LocalAwsError
from .leftovers import Leftovers, leftovers

__all__ = [
    "CLASSIC",
    "MODULAR",
    "TAKES_ALL",
    "Account",
    "Behaviour",
    "Faults",
    "Fleet",
    "JobProgress",
    "Leftovers",
    "LocalAws",
    "LocalAwsError",
    "Profile",
    "leftovers",
]
