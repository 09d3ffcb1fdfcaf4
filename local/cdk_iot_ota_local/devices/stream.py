"""Load files of MQTT streams as devices do: block by block, on the topics of their things."""

from __future__ import annotations

import contextlib
import queue
import threading
import uuid
from collections.abc import Iterator
from typing import Any

from ..account import Account
from .document import JobFile
from .download import DownloadError

_BLOCK_BYTES = 4_096
# A request gets 128 kB at most.
_BLOCKS = 32
_ANSWER_SECONDS = 10.0
_TRIES = 3


class StreamClient:
    """Loads for all devices of a fleet over one connection, which is made when it is first needed."""

    def __init__(self, aws: Account, name: str) -> None:
        self._aws, self._name = aws, f"{name}-{uuid.uuid4().hex[:8]}"
        self._lock = threading.Lock()
        self._client: Any = None
        # Answers by the client token of their requests, and acknowledged subscriptions by their packet.
        self._answers: dict[str, queue.Queue[dict[str, Any]]] = {}
        self._subscribed: queue.Queue[int] = queue.Queue()

    def close(self) -> None:
        """Disconnect."""
        with self._lock:
            if self._client is not None:
                self._client.disconnect()
                self._client.loop_stop()
                self._client = None

    def load(self, thing: str, file: JobFile) -> bytes:
        """Return the first `file.size` bytes of a file in the name of a thing; raises DownloadError."""
        topic, token, blocks = f"$aws/things/{thing}/streams/{file.stream}", uuid.uuid4().hex, _Blocks(file)
        # One at a time: the devices of a fleet share what they load.
        with self._lock:
            client = self._connected()
            with self._answers_to(client, topic, token) as answers:
                for _ in range(_TRIES * (1 + blocks.total // _BLOCKS)):
                    if blocks.missing is None:
                        break
                    client.publish(f"{topic}/get/cbor", blocks.request(token))
                    with contextlib.suppress(queue.Empty):
                        blocks.receive(answers)
        return blocks.content()

    @contextlib.contextmanager
    def _answers_to(self, client: Any, topic: str, token: str) -> Iterator[queue.Queue[dict[str, Any]]]:
        """Subscribe to the answers of a stream, and yield those to requests with this token."""
        topics = [f"{topic}/{answer}/cbor" for answer in ("data", "rejected")]
        answers = self._answers[token] = queue.Queue()
        try:
            self._subscribe(client, topics)
            yield answers
        finally:
            del self._answers[token]
            client.unsubscribe(topics)

    def _connected(self) -> Any:
        if self._client is None:
            connected = threading.Event()
            try:
                client = self._aws.connect_mqtt(self._name)
            except OSError as error:
                raise DownloadError(f"the message broker does not answer: {error}") from error
            client.on_connect = lambda *_: connected.set()
            client.on_subscribe = lambda _client, _data, packet, *_: self._subscribed.put(packet)
            client.on_message = self._receive
            client.loop_start()
            if not connected.wait(_ANSWER_SECONDS):
                client.loop_stop()
                raise DownloadError("the message broker does not accept the connection")
            self._client = client
        return self._client

    def _subscribe(self, client: Any, topics: list[str]) -> None:
        _, packet = client.subscribe([(topic, 0) for topic in topics])
        with contextlib.suppress(queue.Empty):
            while self._subscribed.get(timeout=_ANSWER_SECONDS) != packet:
                continue
            return
        raise DownloadError(f"the message broker does not accept a subscription to {topics[0]}")

    def _receive(self, _client: Any, _data: Any, message: Any) -> None:
        import cbor2

        answer = cbor2.loads(message.payload)
        if (waiting := self._answers.get(answer.get("c", ""))) is not None:
            waiting.put(answer)


class _Blocks:
    """The blocks of a file that have arrived."""

    def __init__(self, file: JobFile) -> None:
        self._file = file
        self._received: dict[int, bytes] = {}
        self.total = -(-file.size // _BLOCK_BYTES)

    @property
    def missing(self) -> int | None:
        """The first block that has not arrived, or None."""
        return next((number for number in range(self.total) if number not in self._received), None)

    def request(self, token: str) -> bytes:
        """Return the request for the next missing blocks."""
        import cbor2

        first = self.missing or 0
        count = min(_BLOCKS, self.total - first)
        request = {"c": token, "f": self._file.file_id, "l": _BLOCK_BYTES, "o": first, "n": count}
        return bytes(cbor2.dumps(request))

    def receive(self, answers: queue.Queue[dict[str, Any]]) -> None:
        """Take the answers to a request; queue.Empty if they do not come, DownloadError for a rejection."""
        first = self.missing or 0
        for _ in range(min(_BLOCKS, self.total - first)):
            answer = answers.get(timeout=_ANSWER_SECONDS)
            if "p" not in answer:
                raise DownloadError(f"stream {self._file.stream} is refused: {answer.get('o')}: {answer.get('m')}")
            self._received[answer["i"]] = answer["p"]

    def content(self) -> bytes:
        """Return the file; DownloadError if blocks are missing."""
        if self.missing is not None:
            raise DownloadError(f"stream {self._file.stream} has no block {self.missing} of {self.total}")
        content = b"".join(self._received[number] for number in range(self.total))
        return content[: self._file.size]
