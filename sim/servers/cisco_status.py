"""A Cisco codec's status tree, built from the physics. Leaves are texts; `Text` leaves stand in quotes.

Paths and words: device facts, table under "Cisco / Tandberg xAPI". Two generations: `ce` (CE 8 and later, RoomOS) and
`tc` (TC 7: other paths for standby, no JSON, `xCommand Boot`).
"""

from __future__ import annotations

from typing import Any, Literal

from sim.physics import RoomPhysics

Flavour = Literal["ce", "tc"]
Tree = dict[str, Any]


class Text(str):
    """A leaf that the terminal shows in quotes."""

    __slots__ = ()


HIGH_C, LIMIT_C = 75.0, 85
"""Where a CE codec's word becomes `High`, invented; where it shuts itself down (SX20, device facts)."""
RELEASE = {"ce": "ce9.15.3.25 d2a4b1c", "tc": "TC7.3.21.3b3b0a7"}


def status(room: RoomPhysics, flavour: Flavour = "ce") -> Tree:
    """Everything the codec would tell at this moment. Lists hold entries with an `id`."""
    codec, now_s = room.codec, room.now_s
    calls: list[Tree] = []
    if codec.in_call:
        calls.append(
            {
                "id": "3", "Status": "Connected", "Direction": "Outgoing", "Protocol": Text("sip"),
                "RemoteNumber": Text("sip:giaoban@hnth.example"), "DisplayName": Text("Điểm cầu trung tâm (mô phỏng)"),
                "CallType": "Video", "ReceiveCallRate": "2048",
            }
        )  # fmt: skip
    registered = codec.registered(now_s)
    registration = {
        "id": "1", "Status": "Registered" if registered else "Failed",
        "Reason": Text("" if registered else "403 Forbidden" if codec.registration_stuck else "408 Timeout"),
        "URI": Text(f"{room.room}@hnth.example"),
    }  # fmt: skip
    camera, display = str(room.camera_found()), str(room.display_found())
    media = [_channel(room, "1", "Incoming"), _channel(room, "2", "Outgoing")]
    channels = {"Call": [{"id": call["id"], "Channel": media} for call in calls]}
    return {
        **({"MediaChannels": channels} if flavour == "ce" else {}),
        "Audio": _audio(room),
        "Call": calls,
        "Cameras": {"Camera": [{"id": "1", "Connected": camera, "Model": Text("PrecisionHD 1080p4XS2")}]},
        "H323": {"Gatekeeper": {"Status": "Inactive", "Address": Text("")}},
        "Network": [{"id": "1", "IPv4": {"Address": Text("192.0.2.10")}}],
        "Provisioning": {"Software": {"UpgradeStatus": {"Status": "InProgress" if codec.upgrading else "None"}}},
        "SIP": {"Registration": [registration]},
        "Standby": {"State": "Standby" if codec.standby else "Off"}
        if flavour == "ce"
        else {"Active": "On" if codec.standby else "Off"},
        "SystemUnit": {
            "ProductId": Text("Cisco TelePresence SX20"),
            "ProductPlatform": Text("SX20"),
            "Uptime": str(int(now_s - codec.started_s)),
            "Software": {"Version": Text(RELEASE[flavour]), "ReleaseDate": Text("2022-04-28")},
            "Hardware": {
                "Module": {"SerialNumber": Text("MOPHONG0001")},
                **_temperature(room, flavour),
            },
            "State": {
                "NumberOfActiveCalls": str(len(calls)),
                "NumberOfInProgressCalls": "0",
                "NumberOfSuspendedCalls": "0",
                "System": "InCall" if calls else "Sleeping" if codec.standby else "Initialized",
                "Subsystem": {"Application": "Initialized"},
            },
        },
        "Video": {
            "Input": {"Connector": [{"id": "1", "Connected": camera, "SignalState": "OK"}]},
            "Output": {"Connector": [{"id": "1", "Connected": display}, {"id": "2", "Connected": "False"}]},
        },
    }


def _temperature(room: RoomPhysics, flavour: str) -> Tree:
    """TC tells degrees and its limit; RoomOS 11 a word alone, CE both. From where on it is high is invented."""
    inside_c = room.climate.temp_c + room.codec.profile.temp_rise_c
    degrees = {"Temperature": Text(f"{inside_c:.1f}"), "TemperatureThreshold": Text(str(LIMIT_C))}
    if flavour == "tc":
        return dict(degrees)
    word = "Critical" if inside_c >= LIMIT_C else "High" if inside_c >= HIGH_C else "Normal"
    return {**degrees, "Monitoring": {"Temperature": {"Status": word}}}


def _audio(room: RoomPhysics) -> Tree:
    codec, microphone = room.codec, "Connected" if room.microphone.plugged else "NotConnected"
    return {
        "Microphones": {"Mute": "On" if codec.mic_muted else "Off"},
        "Volume": str(codec.volume_pct),
        "VolumeMute": "On" if codec.output_muted else "Off",
        "Input": {"Connectors": {"Microphone": [{"id": "1", "ConnectionStatus": microphone}]}},
    }


def _channel(room: RoomPhysics, name: str, direction: str) -> Tree:
    """A media channel's counters, since the call began."""
    loss = {"Packets": str(int(room.call_packets)), "Loss": str(int(room.call_lost)),
            "Jitter": "3", "MaxJitter": f"{room.call_jitter_ms():.0f}"}  # fmt: skip
    return {"id": name, "Type": "Video", "Direction": direction, "Netstat": loss}


def find(tree: Any, path: list[str]) -> Tree | None:
    """The tree cut down to a path (names without case, list entries by id); None when nothing matches."""
    if not path:
        return tree if isinstance(tree, dict) else None
    key = next((name for name in tree if name.lower() == path[0].lower()), None) if isinstance(tree, dict) else None
    if key is None:
        return None
    below, rest = tree[key], path[1:]
    if not rest:
        return {key: below}
    if isinstance(below, list):
        entries = [entry for entry in below if entry["id"] == rest[0]]
        if not entries:
            return None
        inner = find(entries[0], rest[1:])
        return None if inner is None else {key: [{"id": entries[0]["id"], **inner}]}
    inner = find(below, rest) if isinstance(below, dict) else None
    return None if inner is None else {key: inner}


def leaves(tree: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], str]]:
    """Every leaf with its path."""
    if isinstance(tree, dict):
        return [leaf for name, below in tree.items() if name != "id" for leaf in leaves(below, (*path, name))]
    if isinstance(tree, list):
        return [leaf for entry in tree for leaf in leaves(entry, (*path, entry["id"]))]
    return [(path, tree)]


def as_json(tree: Any) -> Any:
    """The tree as xAPI's JSON has it: every leaf a `Value`, list entries with their `id`."""
    if isinstance(tree, dict):
        return {name: below if name == "id" else as_json(below) for name, below in tree.items()}
    return [as_json(entry) for entry in tree] if isinstance(tree, list) else {"Value": str(tree)}


def as_lines(tree: Any, mark: str = "*s") -> list[str]:
    """The tree as terminal lines."""
    return [
        f"{mark} {' '.join(path)}: " + (f'"{value}"' if isinstance(value, Text) else value)
        for path, value in leaves(tree)
    ]
