"""The contract on the wire as AsyncAPI 3: generated from `wire`, so that it cannot say anything else."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import Any

import msgspec
import yaml

from wire import messages, topics
from wire.event_kinds import EventKind
from wire.topics import Leaf

KINDS: dict[Leaf, type[msgspec.Struct]] = {
    Leaf.STATUS: messages.Status,
    Leaf.STATE: messages.State,
    Leaf.EVENT: messages.Event,
    Leaf.METRIC: messages.MetricBatch,
    Leaf.REPLY: messages.Reply,
    Leaf.DESIRED: messages.Desired,
    Leaf.COMMAND: messages.Command,
    Leaf.ACK: messages.Ack,
}

EVERY: dict[str, type[msgspec.Struct]] = {
    **{leaf.value: kind for leaf, kind in KINDS.items()},
    "fleet": messages.Fleet,
}
"""By channel."""

QOS = 1
WILL_WAIT_S = 15
"""How long the hub waits before it believes a last will."""
KEEP_ALIVE_S = 60
SESSION_DAYS = 1
"""The broker's `persistent_client_expiration`."""

DESCRIPTION = f"""\
A Raspberry Pi in each video-conference room reports to the hub of its province and takes orders from it.
This document takes the hub's side: it receives what rooms send up and sends what goes down.

The room is an opaque id; the shard is two hex digits of crc32(room). The broker's access list lets a room write and
read under its own id alone, and the hub takes the room from the topic, never from the payload.

Rooms and hub speak MQTT 3.1.1, which has no properties: every field stands in the payload, and any broker serves.
Unknown fields are skipped. A message whose `v` is not {messages.MAJOR} is set aside and shown. A payload above
{messages.PAYLOAD_MAX_BYTES} bytes is refused unread. The broker keeps an absent side's session for {SESSION_DAYS} day.
"""

TAIL = (
    "An event leaves its room's outbox only on the hub's `ack`, which is sent after the hub's commit: "
    "a broker that restarts loses nothing. The hub applies by (room, epoch, seq), so a repetition changes nothing."
)


def field_docs(documented: type) -> dict[str, str]:
    """The text under each field of a struct, or each member of an enum. Python itself drops it."""
    body = ast.parse(textwrap.dedent(inspect.getsource(documented))).body[0]
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        match field, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(words))),
            ):
                found[name] = inspect.cleandoc(words)
    return found


def _as_draft_07(node: Any) -> Any:
    """msgspec writes tuples in the words of JSON Schema 2020-12; AsyncAPI's own schema object knows draft 07."""
    if isinstance(node, dict):
        if "prefixItems" in node:
            node = {**node, "items": node["prefixItems"], "additionalItems": False}
            del node["prefixItems"]
        return {key: _as_draft_07(value) for key, value in node.items()}
    return [_as_draft_07(item) for item in node] if isinstance(node, list) else node


def schemas() -> dict[str, Any]:
    """The schema of every message and of every struct within one, with the fields' own words."""
    _, components = msgspec.json.schema_components(EVERY.values(), ref_template="#/components/schemas/{name}")
    result: dict[str, Any] = _as_draft_07(components)
    for name, schema in result.items():
        for field, text in field_docs(getattr(messages, name)).items():
            if field in schema.get("properties", {}):
                schema["properties"][field]["description"] = text
    meanings = field_docs(EventKind)
    kinds_known = "".join(f"\n- `{kind}`: {meanings[kind.name]}" for kind in EventKind)
    result["Event"]["properties"]["kind"]["description"] = f"Known kinds, more may come:{kinds_known}"
    return dict(sorted(result.items()))


def _channel(leaf: Leaf) -> dict[str, Any]:
    kind = KINDS[leaf]
    with_id = leaf in topics.WITH_ID
    parameters = {"shard": {"$ref": "#/components/parameters/shard"}, "room": {"$ref": "#/components/parameters/room"}}
    if with_id:
        parameters["id"] = {"$ref": "#/components/parameters/id"}
    return {
        "address": f"{topics.ROOT}/{topics.MAJOR}/{{shard}}/{{room}}/{leaf}{'/{id}' if with_id else ''}",
        "description": _first(kind),
        "messages": {kind.__name__: {"$ref": f"#/components/messages/{kind.__name__}"}},
        "parameters": parameters,
    }


def _first(kind: type) -> str:
    return inspect.cleandoc(kind.__doc__ or "").replace("\n", " ")


def _operation(name: str, action: str, kind: type, retained: bool) -> dict[str, Any]:
    binding: dict[str, Any] = {"qos": QOS, "retain": retained}
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{name}"},
        "summary": f"{'Rooms send' if action == 'receive' else 'The hub sends'} {kind.__name__}.",
        "messages": [{"$ref": f"#/channels/{name}/messages/{kind.__name__}"}],
        "bindings": {"mqtt": {**binding, "bindingVersion": "0.2.0"}},
    }


def document() -> dict[str, Any]:
    """The whole document."""
    channels = {leaf.value: _channel(leaf) for leaf in Leaf}
    channels["fleet"] = {
        "address": topics.FLEET,
        "description": _first(messages.Fleet),
        "messages": {"Fleet": {"$ref": "#/components/messages/Fleet"}},
    }
    operations = {}
    for leaf in Leaf:
        action = "receive" if leaf in topics.UP else "send"
        operations[f"{action}_{leaf}"] = _operation(leaf.value, action, KINDS[leaf], leaf in topics.RETAINED)
    operations["send_fleet"] = _operation("fleet", "send", messages.Fleet, retained=True)
    return {
        "asyncapi": "3.0.0",
        "id": "urn:diemcau:wire",
        "info": {
            "title": "Điểm Cầu on the wire",
            "version": f"{messages.MAJOR}.0.0",
            "description": f"{DESCRIPTION}\n{TAIL}\n",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "tags": [{"name": "room"}, {"name": "hub"}],
        },
        "defaultContentType": "application/json",
        "servers": {
            "province": {
                "host": "broker.example:8883",
                "protocol": "mqtts",
                "protocolVersion": "3.1.1",
                "description": "Each room has a client certificate; its name is user and client id at once.",
                "bindings": {
                    "mqtt": {
                        "cleanSession": False,
                        "keepAlive": KEEP_ALIVE_S,
                        "lastWill": {
                            "topic": f"{topics.ROOT}/{topics.MAJOR}/{{shard}}/{{room}}/{Leaf.STATUS}",
                            "qos": QOS,
                            "retain": True,
                            "message": f"Status with online false; the hub believes it after {WILL_WAIT_S} s",
                        },
                        "bindingVersion": "0.2.0",
                    }
                },
            }
        },
        "channels": channels,
        "operations": operations,
        "components": {
            "parameters": {
                "shard": {"description": "Two lower-case hex digits of crc32(room): the hub can be split by it."},
                "room": {"description": "The room's id for ever: 1 to 36 of a-z, 0-9 and '-', no '-' at either end."},
                "id": {"description": "The command's id, of the same letters. A reply carries that of its command."},
            },
            "messages": {
                kind.__name__: {
                    "name": kind.__name__,
                    "title": f"{kind.__name__} ({where})",
                    "summary": _first(kind),
                    "contentType": "application/json",
                    "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
                }
                for where, kind in EVERY.items()
            },
            "schemas": schemas(),
        },
    }


class Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, as a person would."""


def _block(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


Dumper.add_representer(str, _block)


def text() -> str:
    """The document as YAML, the same bytes every time."""
    head = "# Written by `make docs` from wire/. Do not edit.\n"
    return head + yaml.dump(document(), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120)
