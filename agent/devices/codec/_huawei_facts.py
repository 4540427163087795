"""Answers of Huawei's `action.cgi` as facts of the catalogue. Sources as in `huawei_te`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agent.core.exchange import HttpReply, parsed_json
from agent.core.facts import BUSY, SLOW, NoReading, Reading
from agent.devices.base import number
from agent.devices.codec._call_loss import LossSinceLook, Stream, Way
from agent.devices.codec._json_web import amount, entry, json_of, text

MAILBOX, CALL, SLEEP = "WEB_GetMailboxDataAPI", "WEB_GetCallStatusInfoAPI", "WEB_IsSystemSleepAPI"
AUDIO, VERSION, CONFIG = "WEB_InitAudioCtrlParamsAPI", "WEB_GetVersionInfoAPI", "WEB_GetCfgParamAPI"
VOLUME_MAX = 21
"""Steps of `speakerValue`."""

TOO_MANY_USERS = "16781313"
"""Code of a log-in to a terminal that has no session left: at the top of the answer, or in its `error`."""

CALL_KEYS = ("callstate", "isinconf", "conftype", "confstate", "sitecall", "pstnstate", "joinsum")
"""Parts of the mailbox's `state` that are 0 or empty without a call; `callstate` has to be there."""
RATES = ("sendrate", "revrate", "videoratesend", "videoraterev", "auxaudioratesend", "auxaudioraterev")
"""Parts of the call's status that are a rate (`65.64k`) during a call and empty, `--` or 0 without one."""
STREAMS: tuple[tuple[Way, str, str], ...] = (
    ("RX", "videolossnumrev", "videolossperrev"), ("TX", "videolossnumsend", "videolosspersend"),
    ("RX", "auxvideolossnumrev", "auxvideolossperrev"), ("TX", "auxvideolossnumsend", "auxvideolosspersend"),
    ("RX", "audiolossnumrev", "audiolossperrev"), ("TX", "audiolossnumsend", "audiolosspersend"),
)  # fmt: skip
"""Count and percentage of each stream in the call's status."""

DECIDED_BY: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("codec.registered", "codec.mic_muted", "codec.output_muted", "codec.upgrading"), (MAILBOX,)),
    "codec.standby": (SLEEP,),
    "codec.volume_pct": (AUDIO,),
    **dict.fromkeys(("codec.model", "codec.software"), (VERSION,)),
}
"""Which actions decide a fact."""

Answers = Mapping[str, Any]
"""The `data` of each answer, its names in lower case, or why there is none, by action."""
SILENT, GARBLED = NoReading("timeout"), NoReading("garbled")
UNHEARD = (SILENT, SLOW, BUSY, GARBLED)


def data_of(reply: HttpReply) -> Any | NoReading:
    """`data` of a success, `refused` for a failure. The data are JSON, often inside a JSON string."""
    answer = json_of(reply)
    if isinstance(answer, NoReading):
        return answer
    success = entry(answer, "success")
    if isinstance(success, bool) or success not in (0, 1):
        return NoReading("garbled")
    if success == 0:
        return NoReading("refused")
    inside = answer.get("data", "")
    if isinstance(inside, str) and inside.strip():
        try:
            inside = parsed_json(inside)
        except ValueError:
            return NoReading("garbled")
    return lowered(inside) if isinstance(inside, dict) else {}


def is_failure(reply: HttpReply) -> bool:
    """Whether the terminal itself says that it did not do it (`success` 0)."""
    return 200 <= reply.status < 300 and data_of(reply) == NoReading("refused")


def is_full(reply: HttpReply) -> bool:
    """Whether a log-in was turned away since too many are logged in."""
    try:
        answer = reply.json()
    except ValueError:
        return False
    codes = (entry(answer, "code"), entry(entry(answer, "error"), "code"))
    return any(str(code) == TOO_MANY_USERS for code in codes)


def lowered(tree: dict[str, Any]) -> dict[str, Any]:
    """The same with names in lower case, which firmware writes either way; two levels are enough."""
    return {
        key.lower(): {name.lower(): below for name, below in value.items()} if isinstance(value, dict) else value
        for key, value in tree.items()
    }


def facts_of(answers: Answers) -> dict[str, Reading]:
    """Every fact of the family but the loss of the call's streams (`loss_of`)."""
    state = entry(answers.get(MAILBOX, SILENT), "state")
    audio, version = answers.get(AUDIO, SILENT), answers.get(VERSION, SILENT)
    return {
        "codec.api": any(not isinstance(answer, NoReading) for answer in answers.values()),
        "codec.in_call": in_call(answers),
        "codec.standby": _sleeps(answers.get(SLEEP, SILENT)),
        "codec.registered": _registered(state),
        "codec.mic_muted": _denied(switch(entry(state, "mic"))),
        "codec.output_muted": _denied(switch(entry(state, "speaker"))),
        "codec.volume_pct": _volume(audio),
        "codec.upgrading": switch(entry(state, "upgrade")),
        "codec.model": text(entry(version, "model")),
        "codec.software": text(entry(version, "softversion")),
    }


def in_call(answers: Answers) -> Reading:
    """True as soon as the mailbox or the call's status says so.

    The status speaks of calls only during one, so it denies none: False only when the mailbox knows of no call. While
    the status has not been heard, or not been understood, it may still speak of one.
    """
    state, status = entry(answers.get(MAILBOX, SILENT), "state"), answers.get(CALL, SILENT)
    rates = [_flows(entry(status, key)) for key in RATES]
    if True in rates:
        return True
    if isinstance(state, NoReading):
        return state
    found = {key: entry(state, key) for key in CALL_KEYS}
    if isinstance(found["callstate"], NoReading):
        return NoReading("garbled")
    called = any(not isinstance(value, NoReading) and value not in (0, "", "0") for value in found.values())
    if called:
        return True
    if isinstance(status, NoReading):
        return status if status in UNHEARD else False
    return NoReading("garbled") if GARBLED in rates else False


def switch(value: Any) -> Reading:
    """1 is on, 0 is off, everything else is neither."""
    if isinstance(value, NoReading):
        return value
    return NoReading("garbled") if isinstance(value, bool) or value not in (0, 1) else value == 1


def streams_of(status: Any) -> list[Stream]:
    """The streams of the call's status."""
    return [
        Stream(way, count, amount(entry(status, count)), _percent(entry(status, share)))
        for way, count, share in STREAMS
    ]


def loss_of(answers: Answers, loss: LossSinceLook) -> dict[str, Reading]:
    """Loss since the last look. Without a call the status has none, or is refused."""
    status = answers.get(CALL, SILENT)
    none = status if isinstance(status, NoReading) and status.reason != "refused" else NoReading("absent")
    worst = loss.look(streams_of(status), none)
    return {"codec.rx_loss_pct": worst["RX"], "codec.tx_loss_pct": worst["TX"]}


def _sleeps(answer: Any) -> Reading:
    word = entry(answer, "issystemsleep")
    if isinstance(word, NoReading):
        return word
    return {"sleep": True, "unsleep": False}.get(str(word), NoReading("garbled"))


def _registered(state: Any) -> Reading:
    """One registrar is enough."""
    lines = [switch(entry(state, name)) for name in ("sip", "gk")]
    if True in lines:
        return True
    return next((line for line in lines if isinstance(line, NoReading)), False)


def _denied(value: Reading) -> Reading:
    return not value if isinstance(value, bool) else value


def _volume(audio: Any) -> Reading:
    steps = amount(entry(audio, "speakervalue"))
    return round(steps * 100 / VOLUME_MAX, 1) if isinstance(steps, float) else steps


def _flows(value: Any) -> Reading:
    """Whether it is a rate above 0, such as `65.64k`. Figures that are no number may be one."""
    rate = number(value.strip().lower().rstrip("kmbps")) if isinstance(value, str) else amount(value)
    if isinstance(rate, float):
        return rate > 0
    return GARBLED if isinstance(value, str) and any(figure in value for figure in "123456789") else False


def _percent(value: Any) -> Reading:
    """`0.25%`; `--` is a stream that there is not."""
    share = number(value.strip().removesuffix("%")) if isinstance(value, str) else amount(value)
    return share if isinstance(share, float) else NoReading("absent")


def config_of(answer: Any, names: Iterable[str]) -> dict[str, Any]:
    """The settings of these names as the terminal types them, or why there is none."""
    if isinstance(answer, NoReading):
        return dict.fromkeys(names, answer)
    found = dict(answer) if isinstance(answer, dict) else {}
    for kind in ("cfgitemint", "cfgitemstring"):
        rows = found.pop(kind, None)
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict):
                found[str(row.get("CfgItemID")).lower()] = row.get("CfgItemInfo")
    return {name: NoReading("absent") if found.get(name.lower()) is None else found[name.lower()] for name in names}
