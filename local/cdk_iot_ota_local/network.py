"""Loopback only: checks that keep local AWS off every other network."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from .errors import LocalAwsError

LOOPBACK = "127.0.0.1"


def is_loopback(host: str) -> bool:
    """Return whether `host` is a literal loopback address. Names are not: a resolver decides where they lead."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def require_loopback(host: str) -> str:
    """Return `host`, or raise LocalAwsError if it is not a loopback address."""
    if not is_loopback(host):
        raise LocalAwsError(f"host must be a loopback address, got {host!r}: use {LOOPBACK}")
    return host


def require_loopback_url(url: str) -> str:
    """Return `url`, or raise LocalAwsError if it is not http on a loopback address."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not is_loopback(parts.hostname or ""):
        raise LocalAwsError(f"endpoint_url must be http on a loopback address, got {url!r}: use http://{LOOPBACK}:PORT")
    return url.rstrip("/")


def listen(port: int | None) -> socket.socket:
    """Bind `port` of the loopback address, or a free one for None.

    The server inherits the socket, so that no other process can take the port in between.
    Raises LocalAwsError if the port is out of range or in use.
    """
    if port is not None and not 1 <= port <= 65535:
        raise LocalAwsError(f"port must be between 1 and 65535, got {port!r}: leave it out for a free one")
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port or 0))
    except OSError as error:
        listener.close()
        raise LocalAwsError(f"port {port} of {LOOPBACK} is in use: choose another or leave it out") from error
    return listener
