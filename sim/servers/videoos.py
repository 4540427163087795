"""A Poly Studio X30: VideoOS' REST interface. Sources: device facts, "VideoOS REST", and the public reference guide;
for cookies, proof and refusals those of `agent.devices.codec.poly_videoos`: public drivers and the maker's forum.

The proof is asked of orders only, as Extron's module sends it. How many sessions there are is invented. A softly hung
one still logs in, names itself, and obeys `reboot`; the rest it leaves unanswered.
"""

from __future__ import annotations

from typing import Any

from sim.servers.json_web import JsonWebConversation, Said
from sim.servers.web import Asked

MODEL, SOFTWARE = "StudioX30", "4.6.2"
SESSIONS_MAX = 8
"""Invented: as many as AVISPL's recording of an X30 shows at once. One more is refused."""
NO_ENTRY = Said(403, {"error": "forbidden"})
LOG_INS = ("/rest/current/session", "/rest/session")
ORDERS = ("POST", "PUT", "DELETE")


class VideoOsConversation(JsonWebConversation):
    """One connection; see the module."""

    def _answer(self, asked: Asked) -> Said | None:
        if asked.method == "POST" and asked.path in LOG_INS:
            return self._log_in(asked)
        number = asked.cookie("session_id")
        token = self._sessions.token(number)
        proof = (asked.headers.get("x-xsrf-token"), asked.cookie("XSRF-TOKEN"))
        if not token or (asked.method in ORDERS and proof != (token, token)):
            return NO_ENTRY
        if asked.method == "DELETE" and asked.path in LOG_INS:
            self._sessions.end(number)
            return Said(200, {"success": True})
        if asked.method == "POST":
            return self._order(asked)
        if self._softly_hung() and asked.path != "/rest/system":
            return None
        return self._look(asked.path)

    def _log_in(self, asked: Asked) -> Said:
        if self._sessions.held >= SESSIONS_MAX:
            return Said(403, {"success": False, "reason": "SessionMaxActiveSessionsReached"})
        number = self._sessions.open()
        token = self._sessions.log_in(number, asked.json())
        if not token:
            self._sessions.end(number)
            return Said(403, {"success": False, "reason": "SessionInvalidUserNamePassword"})
        session = {"sessionId": number, "isAuthenticated": True, "role": "ADMIN", "userId": self._sessions.user}
        cookies = (f"session_id={number}; Path=/; Secure; HttpOnly", f"XSRF-TOKEN={token}; Path=/; Secure")
        return Said(200, {"success": True, "session": session}, tuple(("Set-Cookie", cookie) for cookie in cookies))

    def _look(self, path: str) -> Said:
        codec, now_s = self._room.codec, self._clock()
        match path:
            case "/rest/system":
                return Said(200, {
                    "model": MODEL, "softwareVersion": SOFTWARE, "state": self._state(), "rebootNeeded": False,
                    "uptime": round(now_s - codec.started_s, 1), "lanStatus": {"state": "LAN_UP"},
                })  # fmt: skip
            case "/rest/system/status":
                lines = {
                    "ipnetwork": "up", "sipserver": "up" if codec.registered(now_s) else "down",
                    "gatekeeper": "unknown", "mr.camera": "all_up" if self._room.camera_found() else "none_up",
                }  # fmt: skip
                return Said(
                    200, [{"name": f"system.status.{name}", "stateList": [word]} for name, word in lines.items()]
                )
            case "/rest/audio":
                muted, level, mics = codec.mic_muted, codec.volume_pct, int(self._room.microphone.plugged)
                return Said(200, {"muted": muted, "muteLocked": False, "volume": level, "numOfMicsConnected": mics})
            case "/rest/conferences":
                return Said(200, [self._conference()] if codec.in_call else [])
            case "/rest/conferences/0/mediastats" if codec.in_call:
                stream = {
                    "jitter": self._room.call_jitter_ms(), "packetLoss": int(self._room.call_lost),
                    "percentPacketLoss": self._room.line_loss_pct,
                }  # fmt: skip
                return Said(200, [
                    {"mediaDirection": way, "mediaType": kind, **stream}
                    for way in ("RX", "TX") for kind in ("AUDIO", "VIDEO")
                ])  # fmt: skip
            case "/rest/system/apps/state":
                return Said(200, [])
            case "/rest/system/mode/device":
                return Said(200, {"result": False})
            case _:
                return Said(404, {"error": "not found"})

    def _state(self) -> str:
        codec = self._room.codec
        return "UPDATING" if codec.upgrading else "ASLEEP" if codec.standby else "READY"

    def _conference(self) -> dict[str, object]:
        connection = {"id": "6", "parentConfId": "0", "callType": "SIP", "state": "CONNECTED"}
        return {"id": "0", "isActive": True, "connections": [connection], "terminals": []}

    def _order(self, asked: Asked) -> Said | None:
        now_s, codec, body = self._clock(), self._room.codec, asked.json()
        if asked.path == "/rest/system/reboot" and isinstance(body, dict) and body.get("action") == "reboot":
            self.closing = self._room.command("codec_restart", now_s)
            return Said(200, {"success": self.closing})
        if self._softly_hung():
            return None
        if asked.path == "/rest/config" and isinstance(body, dict):
            return self._config(body)
        if asked.path == "/rest/audio/muted" and body is False:
            return Said(200, {"success": self._room.command("codec_unmute", now_s)})
        if asked.path == "/rest/audio/volume" and type(body) is int and 0 <= body <= 100:
            codec.volume_pct = body
            return Said(200, {"success": True})
        return Said(400, {"error": "bad request"})

    def _config(self, body: dict[str, Any]) -> Said:
        """Settings by name, read (`names`) or written (`vars`) in the type that they have."""
        own = {name: value for name, value in self._room.codec.named.items() if "." in name}
        if isinstance(names := body.get("names"), list):
            rows = [
                {"name": name, "value": own[name], "result": "NOERROR"} if name in own
                else {"name": name, "result": "ERROR_INVALID_NAME"}
                for name in names
            ]  # fmt: skip
            return Said(200, {"vars": rows})
        rows = []
        for row in body.get("vars", ()):
            fits = row.get("name") in own and type(row.get("value")) is type(own[row["name"]])
            if fits:
                self._room.codec.named[row["name"]] = row["value"]
            rows.append({"name": row.get("name"), "result": "NOERROR" if fits else "ERROR_INVALID_VALUE"})
        return Said(200, {"vars": rows})
