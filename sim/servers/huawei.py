"""A Huawei TE20: `action.cgi`. Source: device facts, "Huawei TE10/TE20, IdeaHub", and the maker's HTTP API reference.

What a lapsed session is told is chosen here: the failure of the reference's examples. A softly hung one still begins
sessions; the rest it leaves unanswered.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

from sim.servers.json_web import JsonWebConversation, Said
from sim.servers.web import Asked

MODEL, SOFTWARE = "TE20", "TEX0 V600R019C00"
VOLUME_MAX = 21
WAYS = ("Send", "Rev")
FAILURE = Said(200, {"success": 0, "error": {"id": 100666995, "code": 33558532, "params": []}})


def done(data: Any = "") -> Said:
    """A success: data are JSON inside a JSON string."""
    return Said(200, {"success": 1, "data": data if data == "" else json.dumps(data)})


class HuaweiConversation(JsonWebConversation):
    """One connection; see the module."""

    def _answer(self, asked: Asked) -> Said | None:
        action = parse_qs(asked.query).get("ActionID", [""])[0]
        if asked.path != "/action.cgi" or asked.method != "POST":
            return Said(404, {"error": "not found"})
        if action == "WEB_RequestSessionIDAPI":
            begun = done({"acSessionId": " ", "szTermType": f"Huawei {MODEL}"})
            cookie = f"SessionID={self._sessions.open()}; Path=/; Secure; HttpOnly"
            return Said(begun.status, begun.body, (("Set-Cookie", cookie),))
        number, body = asked.cookie("SessionID"), asked.json()
        if action == "WEB_RequestCertificateAPI":
            token = self._sessions.log_in(number, body)
            return done({"acCSRFToken": token}) if token else FAILURE
        token = self._sessions.token(number)
        if not token or not isinstance(body, dict) or body.get("acCSRFToken") != token:
            return FAILURE
        if self._softly_hung():
            return None
        return done() if action == "WEB_LogoutAPI" and self._sessions.end(number) else self._taken(action, body)

    def _taken(self, action: str, body: dict[str, Any]) -> Said:
        now_s, codec = self._clock(), self._room.codec
        match action:
            case "WEB_GetMailboxDataAPI":
                return done({"state": self._state(), "msgStruct": ""})
            case "WEB_GetCallStatusInfoAPI" if codec.in_call:
                lost, share = int(self._room.call_lost), f"{self._room.line_loss_pct:.2f}%"
                return done({
                    "sendRate": "1936.50k", "revRate": "1870.31k", "videoLossNumRev": lost, "videoLossPerRev": share,
                    "videoLossNumSend": lost, "videoLossPerSend": share, "auxVideoRateRev": "--",
                })  # fmt: skip
            case "WEB_IsSystemSleepAPI":
                return done({"isSystemSleep": "sleep" if codec.standby else "unsleep"})
            case "WEB_InitAudioCtrlParamsAPI":
                return done({"speakerValue": round(codec.volume_pct * VOLUME_MAX / 100)})
            case "WEB_GetVersionInfoAPI":
                return done({"model": MODEL, "softVersion": SOFTWARE})
            case "WEB_SystemWakeUpAPI":
                return done() if self._room.command("codec_wake", now_s) else FAILURE
            case "WEB_OpenMicAPI":
                return done() if self._room.command("codec_unmute", now_s) else FAILURE
            case "WEB_SetSpeakVolumeAPI" if type(body.get("speakerValue")) is int:
                # Whether that ends a muted output as well, no source says: here it does not.
                codec.volume_pct = round(max(0, min(VOLUME_MAX, body["speakerValue"])) * 100 / VOLUME_MAX)
                return done()
            case "WEB_RequestRebootAPI":
                self.closing = self._room.command("codec_restart", now_s)
                return done() if self.closing else FAILURE
            case "WEB_GetCfgParamAPI" if isinstance(names := body.get("CfgIDString"), list):
                return done({name: codec.named[name] for name in names if name in codec.named})
            case "WEB_SaveCfgParamAPI":
                return self._saved([*body.get("CfgItemInt", []), *body.get("CfgItemString", [])])
            case _:
                return FAILURE

    def _saved(self, items: list[dict[str, Any]]) -> Said:
        """All of them or none, each in the type that it has."""
        named = self._room.codec.named
        for item in items:
            name, value = item.get("CfgItemID"), item.get("CfgItemInfo")
            if name not in named or type(value) is not type(named[name]):
                return FAILURE
        named.update({item["CfgItemID"]: item["CfgItemInfo"] for item in items})
        return done()

    def _state(self) -> dict[str, object]:
        codec = self._room.codec
        busy = int(codec.in_call)
        return {
            "sitename": self._room.room,
            "speaker": int(not codec.output_muted), "mic": int(not codec.mic_muted), "gk": 0,
            "sip": int(codec.registered(self._clock())), "upgrade": int(codec.upgrading), "callstate": 2 * busy,
            "calltype": 8 * busy, "conftype": busy, "sitecall": 0, "isInConf": busy, "pstnstate": 0,
        }  # fmt: skip
