"""Requests to the provider that end: a deadline, a size, and the authorities that count."""

from __future__ import annotations

import ssl
import time
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

ANSWER_S = 10.0
BODY_MAX_BYTES = 512 * 1024
"""Of one answer. Metadata, keys and tokens are some kilobytes."""
_PIECE = 16 * 1024


class Bounded(HTTPAdapter):
    """Reads an answer at once, or gives it up. Raises requests.RequestException."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """One request."""
        end_s = time.monotonic() + ANSWER_S
        answer = super().send(request, *args, **(kwargs | {"timeout": ANSWER_S, "stream": True}))
        body = b""
        try:
            while piece := answer.raw.read1(_PIECE):
                body += piece
                if len(body) > BODY_MAX_BYTES or time.monotonic() > end_s:
                    raise requests.exceptions.ContentDecodingError("the answer is too long, or comes too slowly")
        except urllib3.exceptions.HTTPError as error:
            raise requests.ConnectionError(error) from None
        finally:
            answer.close()
        answer._content = body
        return answer


def verify_by(ca_file: str) -> str | bool:
    """Whose certificates count: the file's, else the system's authorities, which an office adds its own to."""
    return ca_file or ssl.get_default_verify_paths().cafile or True
