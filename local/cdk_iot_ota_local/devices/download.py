"""Load the images of jobs, over HTTP or an MQTT stream. The devices of a fleet share what they load."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlsplit

from .document import JobFile
from .image import Image

_TIMEOUT_SECONDS = 60.0

# Loads a file of a stream for a thing; raises DownloadError.
StreamLoader = Callable[[str, JobFile], bytes]


class DownloadError(Exception):
    """An image could not be loaded."""


@dataclass(frozen=True)
class Source:
    """The key of an image that is loaded once: a version of an object, or the job if the object has no versions."""

    place: str
    version: str
    size: int


class Downloads:
    """Loads each image once, and gives it to all devices that have to load it.

    bytes_loaded: how many bytes all downloads so far had together.
    """

    def __init__(self, load_stream: StreamLoader) -> None:
        self._load_stream = load_stream
        self._lock = threading.Lock()
        self._images: dict[Source, Future[Image]] = {}
        self.bytes_loaded = 0

    def load(self, thing: str, job_id: str, file: JobFile) -> Image:
        """Return the image of a file for a device; raises DownloadError."""
        source = _source(job_id, file)
        with self._lock:
            pending = self._images.get(source)
            future = pending or self._images.setdefault(source, Future())
        if pending is None:
            self._fill(future, source, thing, file)
        return future.result()

    def _fill(self, future: Future[Image], source: Source, thing: str, file: JobFile) -> None:
        try:
            content = self._load_stream(thing, file) if file.stream else _load_url(file)
        except BaseException as error:
            # Only those that already wait for it fail with this device.
            with self._lock:
                del self._images[source]
            future.set_exception(error)
            return
        with self._lock:
            self.bytes_loaded += len(content)
        future.set_result(Image(content))


def _source(job_id: str, file: JobFile) -> Source:
    if file.stream:
        return Source(f"{file.stream}/{file.file_id}", job_id, file.size)
    parts = urlsplit(file.url)
    version = parse_qs(parts.query).get("versionId", [job_id])[0]
    return Source(f"{parts.netloc}{parts.path}", version, file.size)


def _load_url(file: JobFile) -> bytes:
    """Load as many bytes as the job document announces, as agents do."""
    request = urllib.request.Request(file.url, headers={"Range": f"bytes=0-{file.size - 1}"})
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
            return bytes(answer.read(file.size))
    except (OSError, ValueError) as error:
        if isinstance(error, HTTPError):
            error.close()
        # The query of a presigned URL is a credential.
        raise DownloadError(f"{urlsplit(file.url)._replace(query='').geturl()} could not be loaded: {error}") from error
