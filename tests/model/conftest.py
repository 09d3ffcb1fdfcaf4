"""Speed that all stories share."""

import functools
from collections.abc import Iterator

import pytest

from cdk_iot_ota_handler.ota_update.contract import private_keys


@pytest.fixture(autouse=True, scope="module")
def _search_each_text_once() -> Iterator[None]:
    """Remember in which texts private keys were found: a search takes longer than the rest of a poll."""
    search = functools.lru_cache(maxsize=1024)(private_keys._is_in_bytes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(private_keys, "_is_in_bytes", search)
        yield
