"""The API asked for everything its own document allows, and for much that it does not, on a province of 621 rooms.

No answer is a failure of the server, each conforms to the document, what is not allowed is refused, and nothing is
answered without a token. The requests are made by schemathesis from `docs/openapi.yaml`.
"""

from __future__ import annotations

import shutil
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from hypothesis import settings
from schemathesis import Case, GenerationMode
from starlette.types import Receive, Scope, Send

from hub.access import tokens
from hub.access.limits import Pace
from hub.app import create_app
from hub.store.db import open_db
from tests.effort import examples
from tests.house.source import ROOT
from tests.hub.console.fake import FakeHub

NOW_S = 1_790_000_000.0


class Asked:
    """The app that is asked: the requests are made before there is one."""

    app: Any = None
    headers: dict[str, str]
    names: dict[str, list[Any]]
    """Real values of what stands in addresses."""

    met: dict[tuple[str, str], Counter[int]]
    """Answers by route and status."""

    def check(self, case: Case[Any]) -> None:
        """Send the request and judge the answer by all that schemathesis knows to judge.

        Every other address that is allowed names a room, an incident or an order that there is.
        """
        if case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE:
            for name, value in case.path_parameters.items():
                pick = zlib.crc32(repr(value).encode())
                if pick % 2:
                    case.path_parameters[name] = self.names[name][pick % len(self.names[name])]
        answer = case.call_and_validate(headers=self.headers)
        self.met.setdefault((case.method, case.path), Counter())[answer.status_code] += 1

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As any ASGI application, whose life is the fixture's."""
        if scope["type"] == "lifespan":
            for word in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{word}.complete"})
            return
        await self.app(scope, receive, send)


asked = Asked()
schema = schemathesis.openapi.from_dict(yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text("utf-8")))
schema.app = asked
# That an order needs a reason unless it is for a recheck is told in words, not in the schema.
schema.config.checks.positive_data_acceptance.expected_statuses.append("400")


@pytest.fixture(scope="module", autouse=True)
def province(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A real database behind the real application, and a token that may do all that tokens may."""
    path = Path(shutil.copy(filled, tmp_path_factory.mktemp("document") / "hub.db"))
    db = open_db(path)
    token = tokens.new(db, "all", list(tokens.RIGHTS), days=1, by="test", now_s=NOW_S)
    asked.app = create_app(path, None, FakeHub(path), lambda: NOW_S)
    asked.app.state.api.state.pace = Pace(burst=float("inf"))
    asked.met = {}
    asked.headers = {"Authorization": f"Bearer {token}"}
    asked.names = {
        "room_id": [row[0] for row in db.execute("SELECT room FROM rooms ORDER BY room LIMIT 20")],
        "incident_id": [row[0] for row in db.execute("SELECT id FROM incidents ORDER BY id LIMIT 20")],
        "order_id": [row[0] for row in db.execute("SELECT id FROM orders ORDER BY id LIMIT 20")],
    }
    db.close()
    yield
    for route, met in asked.met.items():
        operation = schema.raw_schema["paths"][route[1]].get(route[0].lower())
        if operation is not None:  # otherwise a method that the route has not, which must be refused
            assert any(status < 300 for status in met), f"{route}: none was served, so the test says nothing: {met}"
            takes = operation.get("parameters") or operation.get("requestBody")
            assert not takes or any(status >= 400 for status in met), f"{route}: none was refused: {met}"
    asked.app.state.console.sessions.close()


@schema.parametrize()
@settings(max_examples=examples(40), derandomize=True, deadline=None)
def test_requests(case: Case[Any]) -> None:
    asked.check(case)


@pytest.mark.prove
@pytest.mark.timeout(1200)
@schema.parametrize()
@settings(max_examples=1000, deadline=None)
def test_many_more_requests(case: Case[Any]) -> None:
    asked.check(case)
