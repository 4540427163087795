"""JSON-RPC 2.0 on a Cisco codec's WebSocket: questions, orders, subscriptions. Source: device facts, "WebSocket"."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto import events as ws
from wsproto.utilities import ProtocolError

from sim.physics import RoomPhysics
from sim.servers.cisco import COMMANDS, EXPRESSIONS_MAX
from sim.servers.cisco_config import configuration, write
from sim.servers.cisco_status import find, leaves, status

NO_MATCH = (1, "No match on address expression")
Leaves = dict[tuple[str, ...], str]


class RpcError(Exception):
    """An error that the codec answers: number and message."""


class Rpc:
    """One client's questions."""

    def __init__(self, room: RoomPhysics, clock: Callable[[], float]) -> None:
        self.booted = False
        self._room = room
        self._clock = clock
        self._followed: dict[int, tuple[list[str], Leaves]] = {}
        self._count = 0

    def answer(self, text: str, *, hung: bool = False) -> str:
        """The reply to one message; empty when a hung codec keeps silent."""
        try:
            message = json.loads(text)
        except ValueError:
            return _reply(None, error=(-32700, "Parse error"))
        if not isinstance(message, dict) or not isinstance(message.get("method"), str):
            return _reply(None, error=(-32600, "Invalid request"))
        method, params = message["method"], message.get("params", {})
        if not isinstance(params, dict):
            return _reply(message.get("id"), error=(-32602, "Invalid parameters"))
        speaks = method == "xCommand/SystemUnit/Boot" or "Standby" in (params.get("Path") or ())
        if hung and not speaks:
            return ""
        try:
            return _reply(message.get("id"), self._done(method, params))
        except RpcError as error:
            return _reply(message.get("id"), error=(error.args[0], error.args[1]))

    def _done(self, method: str, params: dict[str, Any]) -> Any:
        self._room.advance(self._clock())
        match method:
            case "xGet":
                return self._get(_path(params.get("Path")))
            case "xQuery":
                return plain(self._found(_path(params.get("Query"))))
            case "xSet":
                path = _path(params.get("Path"))
                if path[:1] != ["Configuration"] or not write(self._room, path[1:], str(params.get("Value", ""))):
                    raise RpcError(*NO_MATCH)
                return True
            case "xFeedback/Subscribe":
                return {"Id": self._subscribe(_path(params.get("Query")))}
            case "xFeedback/Unsubscribe":
                self._followed.pop(params.get("Id", -1), None)
                return True
        if not method.startswith("xCommand/"):
            raise RpcError(-32601, "Method not found")
        return self._command(" ".join(method.split("/")[1:]).lower(), params)

    def _found(self, path: list[str]) -> Any:
        found = find({"Status": status(self._room), **configuration(self._room)}, path)
        if found is None or list(found.get("Status", {}).values()) == [[]]:
            raise RpcError(*NO_MATCH)
        return found

    def _get(self, path: list[str]) -> Any:
        """What lies below the path; the path itself is not repeated."""
        below = self._found(path)
        for part in path:
            if isinstance(below, list):
                below = {name: inner for name, inner in below[0].items() if name != "id"}
            else:
                below = next(inner for name, inner in below.items() if name.lower() == part.lower())
        return plain(below)

    def _subscribe(self, path: list[str]) -> int:
        if len(self._followed) >= EXPRESSIONS_MAX:
            raise RpcError(-31998, "Subscriber count exceeded")
        self._count += 1
        self._followed[self._count - 1] = (path, self._leaves(path))
        return self._count - 1

    def _leaves(self, path: list[str]) -> Leaves:
        return dict(leaves(find({"Status": status(self._room)}, path) or {}))

    def _command(self, name: str, params: dict[str, Any]) -> dict[str, str]:
        if name == "systemunit boot":
            self.booted = taken = self._room.command("codec_restart", self._clock())
        elif name in COMMANDS:
            given = {key.lower(): str(value) for key, value in params.items()}
            taken = COMMANDS[name](self._room, self._clock(), given)
        else:
            raise RpcError(-32601, "Method not found")
        if not taken:
            raise RpcError(1, "Command failed")
        return {"status": "OK"}

    def events(self) -> list[str]:
        """What has changed below the subscriptions since the last time."""
        self._room.advance(self._clock())
        out = []
        for number, (path, before) in self._followed.items():
            now = self._leaves(path)
            self._followed[number] = (path, now)
            trees = [_tree(leaf, value) for leaf, value in now.items() if before.get(leaf) != value]
            gone = {leaf[2] for leaf in before if leaf not in now and leaf[1] == "Call"}
            trees += [{"Status": {"Call": [{"id": int(call), "ghost": "True"}]}} for call in gone]
            out += [_event({**tree, "Id": number}) for tree in trees]
        return out


class WsServer:
    """The frames around it; the first bytes are the upgrade's, which was allowed."""

    def __init__(self, rpc: Rpc) -> None:
        self.closing = False
        self._rpc = rpc
        self._frames = WSConnection(ConnectionType.SERVER)
        self._open = False
        self._text = ""

    def receive(self, data: bytes, *, hung: bool) -> bytes:
        """Answer."""
        out = b""
        try:
            self._frames.receive_data(data)
            for event in self._frames.events():
                out += self._event(event, hung=hung)
        except ProtocolError:
            self.closing = True
        return out

    def _event(self, event: ws.Event, *, hung: bool) -> bytes:
        if isinstance(event, ws.Request):
            self._open = True
            return self._frames.send(ws.AcceptConnection())
        if isinstance(event, ws.Ping):
            return self._frames.send(event.response())
        if isinstance(event, ws.CloseConnection):
            self.closing = True
            return self._frames.send(event.response())
        if not isinstance(event, ws.TextMessage):
            return b""
        self._text += event.data
        if not event.message_finished:
            return b""
        text, self._text = self._text, ""
        reply = self._rpc.answer(text, hung=hung)
        self.closing = self._rpc.booted
        return self._frames.send(ws.TextMessage(data=reply)) if reply else b""

    def events(self) -> bytes:
        """Feedback."""
        if not self._open or self.closing:
            return b""
        return b"".join(self._frames.send(ws.TextMessage(data=text)) for text in self._rpc.events())


def plain(tree: Any) -> Any:
    """The tree as the WebSocket has it: whole numbers are numbers, everything else is text."""
    if isinstance(tree, dict):
        return {name: plain(below) for name, below in tree.items()}
    if isinstance(tree, list):
        return [plain(entry) for entry in tree]
    return int(tree) if tree.isascii() and tree.isdigit() and str(int(tree)) == tree else str(tree)


def _tree(leaf: tuple[str, ...], value: str) -> dict[str, Any]:
    tree: Any = plain(value)
    for name in reversed(leaf):
        tree = [{"id": int(name), **tree}] if name.isdigit() else {name: tree}
    return dict(tree)


def _path(given: Any) -> list[str]:
    if not isinstance(given, list) or not all(isinstance(part, str | int) for part in given):
        raise RpcError(-32602, "Invalid parameters")
    return [str(part) for part in given]


def _reply(number: Any, result: Any = None, error: tuple[int, str] | None = None) -> str:
    body = {"result": result} if error is None else {"error": {"code": error[0], "message": error[1]}}
    return json.dumps({"jsonrpc": "2.0", "id": number, **body}, ensure_ascii=False)


def _event(params: dict[str, Any]) -> str:
    return json.dumps({"jsonrpc": "2.0", "method": "xFeedback/Event", "params": params}, ensure_ascii=False)
