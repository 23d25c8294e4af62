"""A network that takes no time: requests' adapter answers by itself, with a real `Response`."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import requests
import urllib3

from .documents import answer


@contextmanager
def answering(taken: int) -> Iterator[list[bytes]]:
    """Answer every call as the provider answers a lote of so many that it takes whole; gives the bodies that came."""
    came: list[bytes] = []
    content = json.dumps(answer(taken)).encode()

    def send(
        adapter: requests.adapters.HTTPAdapter, request: requests.PreparedRequest, **options: Any
    ) -> requests.Response:
        if not isinstance(request.body, bytes):
            raise TypeError("a lote's body is bytes")
        came.append(request.body)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(content))}
        raw = urllib3.HTTPResponse(
            body=io.BytesIO(content), status=200, reason="OK", headers=headers, preload_content=False
        )
        return adapter.build_response(request, raw)

    with mock.patch.object(requests.adapters.HTTPAdapter, "send", send):
        yield came
