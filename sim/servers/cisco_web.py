"""A Cisco codec's web interface: `getxml` and `putxml`, and JSON-RPC on the WebSocket `/ws`, on one port.

Judged by the public client `xows`, whose grammar is aiohttp's. Sources: device facts, "HTTP" and "WebSocket". What no
source says is chosen here: `EmptyResult` for a path without nodes, and 404 for a web page that is not there.

A softly hung codec still takes the connection, says how it stands by, and obeys `Boot`; the rest it leaves unanswered.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from urllib.parse import parse_qs
from xml.etree import ElementTree

from sim.physics import RoomPhysics
from sim.servers.cisco import COMMANDS
from sim.servers.cisco_config import configuration, setting_of, write
from sim.servers.cisco_rpc import Rpc, WsServer
from sim.servers.cisco_status import Flavour, find, status
from sim.servers.cisco_xml import command_of, document
from sim.servers.web import BODY_BYTES_MAX, NO_CONTENT, Answer, Asked, CodecWebConversation

SESSIONS_MAX = 20
XML = ("Content-Type", "text/xml")


class CiscoWebConversation(CodecWebConversation):
    """One connection; see the module. `sessions` are shared by a codec's connections."""

    def __init__(
        self,
        room: RoomPhysics,
        clock: Callable[[], float],
        sessions: list[str],
        *,
        user: str = "admin",
        password: str = "",
        flavour: Flavour = "ce",
    ) -> None:
        super().__init__(room, clock)
        self._sessions = sessions
        self._proof = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self._flavour: Flavour = flavour
        self._socket: WsServer | None = None
        self._raw = b""
        """The present request as it came: an upgrade's goes on to the WebSocket's own grammar."""

    def receive(self, data: bytes) -> bytes:
        """Answer, in the grammar that is spoken by now."""
        if self._socket is not None:
            return self._frames(self._socket, data) if self.alive() else b""
        self._raw = (self._raw + data)[-2 * BODY_BYTES_MAX :]
        return super().receive(data)

    def tick(self) -> bytes:
        """Feedback on the WebSocket."""
        if self._socket is None or not self.alive() or self._softly_hung():
            return b""
        return self._socket.events()

    # -- HTTP

    def answer(self, asked: Asked) -> Answer | None:
        """None: a hung codec's silence."""
        self._raw = b""
        if not self._is_known(asked):
            return 401, [("WWW-Authenticate", 'Basic realm="codec"')], b""
        path, posted = asked.path, asked.method == "POST"
        if path == "/xmlapi/session/begin" and posted and self._flavour == "ce":
            self._sessions[: max(0, len(self._sessions) + 1 - SESSIONS_MAX)] = []
            self._sessions.append(secrets.token_hex(16))
            return NO_CONTENT, [("Set-Cookie", f"SessionId={self._sessions[-1]}; Path=/; HttpOnly")], b""
        if path == "/xmlapi/session/end" and posted and self._flavour == "ce":
            self._sessions[:] = [number for number in self._sessions if number != asked.cookie("SessionId")]
            return NO_CONTENT, [], b""
        if path in ("/getxml", "/status.xml") and not posted:
            return self._get(_location(asked) if path == "/getxml" else ["Status"])
        if path == "/putxml" and posted:
            return self._put(asked.body)
        return 404, [], b"Not Found"

    def _is_known(self, asked: Asked) -> bool:
        return asked.headers.get("authorization") == self._proof or asked.cookie("SessionId") in self._sessions

    def _get(self, path: list[str]) -> Answer | None:
        if self._softly_hung() and path[1:2] != ["Standby"]:
            return None
        tree = {"Status": status(self._room, self._flavour), **configuration(self._room)}
        found = find(tree, path)
        empty = found is None or list(found.get("Status", {}).values()) == [[]]
        return 200, [XML], document(None if empty else found)

    def _put(self, body: bytes) -> Answer | None:
        if body.lstrip().startswith(b"<Configuration"):
            return self._set(body)
        try:
            path, parameters = command_of(body)
        except (ElementTree.ParseError, ValueError):
            return 400, [], b"Bad Request"
        boots = path == ("systemunit boot" if self._flavour == "ce" else "boot")
        if self._softly_hung() and not boots:
            return None
        name = "".join(word.capitalize() for word in path.split())
        if boots:
            taken = self._room.command("codec_restart", self._clock())
            self.closing = taken
        elif path in COMMANDS:
            taken = COMMANDS[path](self._room, self._clock(), parameters)
        else:
            unknown = '<Command><Result status="Error"><Reason>Unknown command</Reason></Result></Command>'
            return 200, [XML], unknown.encode()
        return 200, [XML], f'<Command><{name}Result status="{"OK" if taken else "Error"}"/></Command>'.encode()

    def _set(self, body: bytes) -> Answer | None:
        try:
            path, value = setting_of(ElementTree.fromstring(body))
        except (ElementTree.ParseError, ValueError):
            return 400, [], b"Bad Request"
        if self._softly_hung():
            return None
        taken = write(self._room, path, value)
        said = "<Success/>" if taken else "<Error><Reason>No match on address expression.</Reason></Error>"
        return 200, [XML], f"<Configuration>{said}</Configuration>".encode()

    # -- WebSocket

    def taken_over(self, head: Asked) -> bytes | None:
        """An upgrade's."""
        if head.path != "/ws":
            return None
        if head.headers.get("authorization") != self._proof:
            self.closing = True
            return b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        self._socket = WsServer(Rpc(self._room, self._clock))
        return self._frames(self._socket, self._raw)

    def _frames(self, socket: WsServer, data: bytes) -> bytes:
        out = socket.receive(data, hung=self._softly_hung())
        self.closing = socket.closing
        return out


def _location(asked: Asked) -> list[str]:
    """The place in the tree that is asked for."""
    return [part for part in parse_qs(asked.query).get("location", [""])[0].split("/") if part]
