"""Growth of one update with its targets, files and devices; that with the number of updates is in ``synth``."""

from . import deploy, synth
from .measure import Result, log, spread

_SIZES = {"targets": (1, 10, 100), "files": (1, 10, 50)}
_MOST_PAIRS = 3


def run(pairs: int) -> Result:
    """Return what each of them does to synth and template, and the number of devices to a deploy."""
    cases = [_synth(of, size, min(pairs, _MOST_PAIRS)) for of, sizes in _SIZES.items() for size in sizes]
    return {"cases": [*cases, *deploy.devices(pairs)]}


def _synth(of: str, size: int, pairs: int) -> Result:
    log(f"growth: {size} {of}")
    targets, files = (size, 1) if of == "targets" else (1, size)
    runs = [synth.synthesize(targets=targets, files=files) for _ in range(pairs)]
    counted = synth.synthesize(targets=targets, files=files, count=True)
    return {
        "of": of,
        "size": size,
        "seconds": spread(one["seconds"] for one in runs),
        "bytes": counted["bytes"],
        "resources": counted["resources"],
        "calls": sum(counted["border"].values()),
    }
