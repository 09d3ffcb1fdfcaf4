"""Fixtures for the calls of the handler."""

from collections.abc import Iterator

import pytest

from .stubs import Stubs


@pytest.fixture
def stubs() -> Iterator[Stubs]:
    """Yield stubbed clients, of which every prepared answer must be used."""
    clients = Stubs()
    yield clients
    for stub in clients.all:
        stub.assert_no_pending_responses()
