"""Record what a command writes to a terminal, with the moments."""

import codecs
import fcntl
import os
import pty
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

_BLOCK = 65_536
# So that colours are those of the terminal, and times of the day those of every machine.
_TERMINAL = {"TERM": "xterm-256color", "TZ": "UTC", "COLORTERM": "", "LANG": "C.UTF-8", "PYTHONUTF8": "1"}
_UNWANTED = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"}


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Text that a command has written at once, `at` so many seconds after its start."""

    at: float
    text: str


class Recording:
    """A command in a terminal of `columns` by `rows`. `chunks`: what it has written so far."""

    def __init__(self, process: subprocess.Popen[bytes], columns: int, rows: int) -> None:
        self._process, self.columns, self.rows = process, columns, rows
        self.chunks: list[Chunk] = []

    @property
    def text(self) -> str:
        """Everything that it has written, control sequences included."""
        return "".join(chunk.text for chunk in self.chunks)

    def read(self, terminal: int) -> None:
        """Read until the command has closed the terminal."""
        decoder, started = codecs.getincrementaldecoder("utf-8")("replace"), time.monotonic()
        while block := _read(terminal):
            self.chunks.append(Chunk(at=time.monotonic() - started, text=decoder.decode(block)))

    def wait(self) -> int:
        """Wait for the end of the command, and return its exit code."""
        return self._process.wait()


@contextmanager
def recording(
    command: Sequence[str], *, columns: int, rows: int, folder: Path, environment: Mapping[str, str]
) -> Iterator[Recording]:
    """Run a command in a terminal of its size; it is stopped when the context is left."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    kept = {name: value for name, value in environment.items() if name not in _UNWANTED}
    process = subprocess.Popen(
        command, cwd=folder, env=kept | _TERMINAL, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    found = Recording(process, columns, rows)
    reader = Thread(target=found.read, args=(ours,), daemon=True)
    reader.start()
    try:
        yield found
        process.wait()
    finally:
        process.terminate()
        process.wait()
        reader.join()
        os.close(ours)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, _BLOCK)
    except OSError:  # Linux ends a terminal that no process has open any longer with an error
        return b""
