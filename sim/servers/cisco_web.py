"""A Cisco codec's web interface: `getxml` and `putxml`, and JSON-RPC on the WebSocket `/ws`, on one port.

Judged by the public client `xows`, whose grammar is aiohttp's. Sources: device facts, "HTTP" and "WebSocket". What no
source says is chosen here: `EmptyResult` for a path without nodes, and 404 for a web page that is not there.

A softly hung codec still takes the connection, says how it stands by, and obeys `Boot`; the rest it leaves unanswered.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import h11

from sim.physics import Hang, RoomPhysics
from sim.servers.cisco import COMMANDS
from sim.servers.cisco_config import configuration, setting_of, write
from sim.servers.cisco_rpc import Rpc, WsServer
from sim.servers.cisco_status import Flavour, find, status
from sim.servers.cisco_xml import command_of, document

BODY_BYTES_MAX = 64 * 1024
SESSIONS_MAX = 20
XML = ("Content-Type", "text/xml")
Answer = tuple[int, list[tuple[str, str]], bytes]


class CiscoWebConversation:
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
        self.closing = False
        self._room = room
        self._clock = clock
        self._sessions = sessions
        self._proof = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self._flavour: Flavour = flavour
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=16 * 1024)
        self._socket: WsServer | None = None
        self._head: h11.Request | None = None
        self._body = b""
        self._raw = b""
        """The present request as it came: an upgrade's goes on to the WebSocket's own grammar."""

    def opened(self) -> bytes:
        """Nothing: the client speaks first."""
        return b""

    def receive(self, data: bytes) -> bytes:
        """Answer."""
        if self._mute():
            return b""
        if self._socket is not None:
            return self._frames(self._socket, data)
        self._raw = (self._raw + data)[-2 * BODY_BYTES_MAX :]
        try:
            self._http.receive_data(data)
            return self._requests()
        except h11.ProtocolError:
            self.closing = True
            return b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    def tick(self) -> bytes:
        """Feedback on the WebSocket."""
        if self._socket is None or self._mute() or self._softly_hung():
            return b""
        return self._socket.events()

    def _mute(self) -> bool:
        now_s = self._clock()
        self._room.advance(now_s)
        codec = self._room.codec
        return codec.hang is Hang.HARD or not codec.running() or codec.booting(now_s)

    def _softly_hung(self) -> bool:
        return self._room.codec.hang is Hang.SOFT

    # -- HTTP

    def _requests(self) -> bytes:
        out = b""
        while not self.closing:
            event = self._http.next_event()
            if event is h11.NEED_DATA or event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                return out
            if isinstance(event, h11.Request):
                self._head, self._body = event, b""
                if self._target().path == "/ws":
                    return out + self._upgrade()
            elif isinstance(event, h11.Data):
                self._body = (self._body + event.data)[:BODY_BYTES_MAX]
            elif isinstance(event, h11.EndOfMessage):
                answer = self._answer()
                if answer is None:
                    return out
                out += self._written(*answer)
                self._raw = b""
        return out

    def _target(self) -> SplitTarget:
        assert self._head is not None
        return SplitTarget(self._head.target.decode("latin-1"))

    def _header(self, name: bytes) -> str:
        assert self._head is not None
        return next((value.decode("latin-1") for key, value in self._head.headers if key == name), "")

    def _is_known(self) -> bool:
        cookies = [part.strip() for part in self._header(b"cookie").split(";")]
        if self._header(b"authorization") == self._proof:
            return True
        return any(f"SessionId={own}" in cookies for own in self._sessions)

    def _answer(self) -> Answer | None:
        """None: a hung codec's silence."""
        assert self._head is not None
        if not self._is_known():
            return 401, [("WWW-Authenticate", 'Basic realm="codec"')], b""
        target, posted = self._target(), self._head.method == b"POST"
        if target.path == "/xmlapi/session/begin" and posted and self._flavour == "ce":
            self._sessions[: max(0, len(self._sessions) + 1 - SESSIONS_MAX)] = []
            self._sessions.append(secrets.token_hex(16))
            return 204, [("Set-Cookie", f"SessionId={self._sessions[-1]}; Path=/; HttpOnly")], b""
        if target.path in ("/getxml", "/status.xml") and not posted:
            return self._get(target.location if target.path == "/getxml" else ["Status"])
        if target.path == "/putxml" and posted:
            return self._put()
        return 404, [], b"Not Found"

    def _get(self, path: list[str]) -> Answer | None:
        if self._softly_hung() and path[1:2] != ["Standby"]:
            return None
        tree = {"Status": status(self._room, self._flavour), **configuration(self._room)}
        found = find(tree, path)
        empty = found is None or list(found.get("Status", {}).values()) == [[]]
        return 200, [XML], document(None if empty else found)

    def _put(self) -> Answer | None:
        if self._body.lstrip().startswith(b"<Configuration"):
            return self._set()
        try:
            path, parameters = command_of(self._body)
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
            body = '<Command><Result status="Error"><Reason>Unknown command</Reason></Result></Command>'
            return 200, [XML], body.encode()
        return 200, [XML], f'<Command><{name}Result status="{"OK" if taken else "Error"}"/></Command>'.encode()

    def _set(self) -> Answer | None:
        try:
            path, value = setting_of(ElementTree.fromstring(self._body))
        except (ElementTree.ParseError, ValueError):
            return 400, [], b"Bad Request"
        if self._softly_hung():
            return None
        taken = write(self._room, path, value)
        said = "<Success/>" if taken else "<Error><Reason>No match on address expression.</Reason></Error>"
        return 200, [XML], f"<Configuration>{said}</Configuration>".encode()

    def _written(self, code: int, headers: list[tuple[str, str]], body: bytes) -> bytes:
        rows = list(headers) if code == 204 else [("Content-Length", str(len(body))), *headers]
        out = self._http.send(h11.Response(status_code=code, headers=rows)) or b""
        if body and code != 204:
            out += self._http.send(h11.Data(data=body)) or b""
        out += self._http.send(h11.EndOfMessage()) or b""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        else:
            self.closing = True
        return out

    # -- WebSocket

    def _upgrade(self) -> bytes:
        if self._header(b"authorization") != self._proof:
            self.closing = True
            return b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        self._socket = WsServer(Rpc(self._room, self._clock))
        return self._frames(self._socket, self._raw)

    def _frames(self, socket: WsServer, data: bytes) -> bytes:
        out = socket.receive(data, hung=self._softly_hung())
        self.closing = socket.closing
        return out


class SplitTarget:
    """Path of a request, and the place in the tree that `location` names."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self.path = parts.path
        self.location = [part for part in parse_qs(parts.query).get("location", [""])[0].split("/") if part]
