"""Connections to the server: loopback counts as TLS, and a connection can be cut."""

from __future__ import annotations

from typing import Any

from .emulator import Emulator

# An ASGI message of ours: end the connection without another byte.
CUT = "cdk_iot_ota_local.cut"


def trust_loopback(emulator: Emulator) -> None:
    """Treat a request over loopback as one over TLS.

    The bucket that `cdk bootstrap` creates denies everything else, and must work unchanged.
    """
    pin = emulator.server.pin_request_origin
    emulator.server.pin_request_origin = lambda address, _secure: pin(address, True)


def allow_cuts(emulator: Emulator) -> None:
    """Teach hypercorn the message CUT; ASGI has none that ends a connection without an answer."""
    stream: Any = emulator.http_stream.HTTPStream
    closed, states, send = (
        emulator.http_stream.StreamClosed,
        emulator.http_stream.ASGIHTTPState,
        stream.app_send,
    )

    async def app_send(self: Any, message: Any) -> None:
        if message is None or message["type"] != CUT:
            await send(self, message)
            return
        self.state = states.CLOSED
        await self.send(closed(stream_id=self.stream_id))

    stream.app_send = app_send
