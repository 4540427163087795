"""room.toml + environment + secret files, through pydantic-settings, into an `AgentConfig`.

pydantic costs about 26 MB of memory and half a second (pi facts), more than the rest of the agent together. The daemon
therefore validates in a child process, `python -m agent.settings FILE`, and keeps the plain result in a cache beside
its database: while file and environment are the same, a restart does not wait, and a load that was left off gets its
power back at once. Secrets are not cached; their files are read at every start.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import subprocess
import sys
import tomllib
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from agent.config import devices as probes
from agent.config.channel import RelayConfig
from agent.config.room import AgentConfig, ConfigError, LoadConfig
from agent.config.secrets import with_secrets
from agent.core.policy import Guards, Thresholds
from agent.core.remedies import LOADS
from agent.power.rescue import CACHE
from agent.uplink.publisher import BrokerConfig
from wire.address import host_of
from wire.topics import valid_id

T = TypeVar("T")
ENV_PREFIX = "DIEMCAU_"
CHILD_TIMEOUT_S = 60.0

SECTIONS: dict[str, type] = {
    "broker": BrokerConfig,
    "codec": probes.CodecConfig,
    "codec_snmp": probes.CodecSnmpConfig,
    "switch": probes.SwitchConfig,
    "display": probes.DisplayConfig,
    "camera": probes.CameraConfig,
    "pc": probes.PcConfig,
    "ups": probes.UpsConfig,
    "network": probes.NetworkConfig,
    "mcu": probes.McuConfig,
    "sound": probes.SoundConfig,
    "board": probes.SelfConfig,
    "thresholds": Thresholds,
    "guards": Guards,
}
LISTS: dict[str, type] = {"meters": probes.MeterConfig, "sensors": probes.SensorConfig}
TABLES: dict[str, type] = {"relays": RelayConfig, "loads": LoadConfig}
SECRET_FIELDS = {"password": "password_file"}
"""A secret is never written into room.toml: its file is named instead."""
SHOWN_MAX = 200
"""Most characters of a name or value that a sentence about it repeats."""
HIDDEN = {("broker", "time_scale"), ("relays", "load"), ("codec", "trust_dir"), ("pc", "trust_dir")}
"""Fields that are filled from elsewhere."""
PLAIN: dict[str, dict[str, tuple[Any, Any]]] = {
    "room": {"id": (str, ...), "state_dir": (str, "/var/lib/diemcau")},
    "commands": {"root_key": (str, ""), "accept_unsigned": (bool, False)},
    "policy": {"time_scale": (float, 1.0), "disabled": (tuple[str, ...], ())},
    "phones": {"centre": (str, ""), "carrier": (str, ""), "power": (str, "")},
}


def section_fields(section: str) -> dict[str, tuple[Any, Any]]:
    """Names of a section with type and default, `...` where it must be given. Also what docs/settings.md must cover."""
    if section in PLAIN:
        return PLAIN[section]
    kind = SECTIONS.get(section) or LISTS.get(section) or TABLES[section]
    hints = typing.get_type_hints(kind)
    found: dict[str, tuple[Any, Any]] = {}
    for item in fields(kind):
        if (section, item.name) in HIDDEN:
            continue
        if item.name in SECRET_FIELDS:
            found[SECRET_FIELDS[item.name]] = (str, "")
            continue
        default = item.default if item.default is not MISSING else ...
        if item.default_factory is not MISSING:
            default = item.default_factory()
        found[item.name] = (hints[item.name], default)
    return found


def all_sections() -> tuple[str, ...]:
    """Every section of room.toml."""
    return (*PLAIN, *SECTIONS, *LISTS, *TABLES)


def _model(path: Path) -> Any:
    """The pydantic-settings class for this file. Imported here only: see the module's words on memory."""
    from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model
    from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

    forbid = ConfigDict(extra="forbid")

    checks: dict[tuple[str, type], Any] = {
        ("port", int): Annotated[int, Field(ge=1, le=65535)],
        ("host", str): Annotated[str, AfterValidator(host_of)],
    }

    def model(section: str) -> type[BaseModel]:
        named = section_fields(section).items()
        # A switch has a port as well, which has a name.
        checked = {
            name: (checks.get((name, kind), kind) if isinstance(kind, type) else kind, default)
            for name, (kind, default) in named
        }
        made: type[BaseModel] = create_model(section, __config__=forbid, **checked)  # type: ignore[call-overload]
        return made

    class Toml(TomlConfigSettingsSource):
        def _read_file(self, file_path: Any) -> dict[str, Any]:
            return tomllib.loads(file_path.read_bytes().decode("utf-8-sig"))

    class Base(BaseSettings):
        model_config = SettingsConfigDict(
            env_prefix=ENV_PREFIX,
            env_nested_delimiter="__",
            toml_file=path,
            extra="forbid",
            nested_model_default_partial_update=True,
        )

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            del init_settings, dotenv_settings, file_secret_settings
            return env_settings, Toml(settings_cls)

    parts: dict[str, Any] = {"room": (model("room"), ...)}
    for name in all_sections():
        if name in LISTS:
            parts[name] = (tuple[model(name), ...], ())  # type: ignore[misc]
        elif name in TABLES:
            parts[name] = (dict[str, model(name)], {})  # type: ignore[misc]
        elif name in ("codec", "codec_snmp", "switch", "display", "camera", "pc", "ups", "sound", "mcu"):
            parts[name] = (model(name) | None, None)
        elif name != "room":
            kind = model(name)
            parts[name] = (kind, kind())
    return create_model("RoomToml", __base__=Base, **parts)


def validate(path: Path) -> AgentConfig:
    """Read and check everything, in this process. Raises ConfigError with a sentence for every mistake."""
    from pydantic import ValidationError

    if path.is_dir():
        raise ConfigError([f"{path}: là một thư mục / is a folder: name the file in it, {path / 'room.toml'}"])
    if not path.is_file():
        raise ConfigError([f"{path}: không có tệp này / no such file; copy the example and fill it in"])
    try:
        tomllib.loads(path.read_bytes().decode("utf-8-sig"))  # an editor of Windows may put its mark before it
    except (ValueError, RecursionError) as error:  # also endless numbers and nesting
        raise ConfigError([f"{path}: không phải TOML hợp lệ / not valid TOML: {error}"]) from None
    except OSError as error:
        raise ConfigError([f"{path}: không đọc được / cannot be read: {error.strerror}"]) from None
    try:
        made = _model(path)()
    except ValidationError as error:
        raise ConfigError([_sentence(path, problem) for problem in error.errors()]) from None
    plain = made.model_dump(mode="python")
    config = _assemble(plain)
    problems = config.problems()
    if not valid_id(config.room):
        problems.insert(0, f"room.id: {config.room!r} không hợp lệ / must be 1 to 36 of a-z, 0-9 and '-'")
    problems += _probe_problems(config)
    if problems:
        raise ConfigError([f"{path}: {problem}" for problem in problems])
    return config


def _assemble(plain: Mapping[str, Any]) -> AgentConfig:
    def made(section: str, values: Mapping[str, Any]) -> Any:
        kind = SECTIONS.get(section) or LISTS.get(section) or TABLES[section]
        # Secrets stand as the name of their file until `with_secrets` reads them.
        back = {v: k for k, v in SECRET_FIELDS.items()}
        return kind(**{back.get(key, key): value for key, value in values.items()})

    scale = plain["policy"]["time_scale"]
    return AgentConfig(
        room=plain["room"]["id"],
        state_dir=plain["room"]["state_dir"],
        broker=replace(made("broker", plain["broker"]), time_scale=scale),
        root_key=plain["commands"]["root_key"],
        accept_unsigned=plain["commands"]["accept_unsigned"],
        probes=probes.RoomConfig(
            codec=_codec(plain, made),
            codec_snmp=made("codec_snmp", plain["codec_snmp"]) if plain["codec_snmp"] else None,
            switch=made("switch", plain["switch"]) if plain["switch"] else None,
            display=made("display", plain["display"]) if plain["display"] else None,
            camera=made("camera", plain["camera"]) if plain["camera"] else None,
            pc=replace(made("pc", plain["pc"]), trust_dir=plain["room"]["state_dir"]) if plain["pc"] else None,
            meters=tuple(made("meters", x) for x in plain["meters"]),
            ups=made("ups", plain["ups"]) if plain["ups"] else None,
            network=made("network", plain["network"]),
            mcu=made("mcu", plain["mcu"]) if plain["mcu"] else None,
            sensors=tuple(made("sensors", x) for x in plain["sensors"]),
            sound=made("sound", plain["sound"]) if plain["sound"] else None,
            board=_board(plain),
        ),
        relays=tuple(made("relays", {"load": name, **values}) for name, values in plain["relays"].items()),
        loads={name: made("loads", values) for name, values in plain["loads"].items()},
        thresholds=made("thresholds", plain["thresholds"]),
        guards=made("guards", plain["guards"]),
        phones={key: value for key, value in plain["phones"].items() if value},
        disabled=tuple(plain["policy"]["disabled"]),
        time_scale=scale,
    )


def _codec(plain: Mapping[str, Any], made: Callable[[str, Mapping[str, Any]], Any]) -> probes.CodecConfig | None:
    if not plain["codec"]:
        return None
    codec: probes.CodecConfig = made("codec", plain["codec"])
    return replace(codec, trust_dir=plain["room"]["state_dir"])


def _board(plain: Mapping[str, Any]) -> probes.SelfConfig:
    board = probes.SelfConfig(**plain["board"])
    default = probes.SelfConfig().state_path
    return replace(board, state_path=plain["room"]["state_dir"]) if board.state_path == default else board


def _probe_problems(config: AgentConfig) -> list[str]:
    """What only the devices' own code can tell: unknown families, bad addresses, two sources of one fact."""
    from agent.probes.build import build_probes

    try:
        build_probes(config.probes)
    except ValueError as error:
        return [f"thiết bị / devices: {error}"]
    return [
        problem
        for relay in config.relays
        if relay.networked and relay.uri and relay.load in LOADS
        for problem in _outlet_problems(relay)
    ]


def _outlet_problems(relay: RelayConfig) -> list[str]:
    from agent.probes.outlet import open_outlet

    try:
        outlet = open_outlet(relay)
    except ValueError as error:
        return [f"relays.{relay.load}: {error}"]
    outlet.close()
    if LOADS[relay.load].own_uplink and not outlet.gives_back:
        return [
            f"relays.{relay.load}: ổ cắm này không tự cấp lại nguồn được khi mất mạng"
            f" / this outlet cannot give power back by itself, and what hangs on it is the agent's own way to it"
        ]
    return []


def _sentence(path: Path, problem: Any) -> str:
    """One mistake found by pydantic, in the technician's words."""
    place = ".".join(str(part) for part in problem["loc"])[:SHOWN_MAX]
    kind, value = problem["type"], repr(problem.get("input"))[:SHOWN_MAX]
    if kind == "extra_forbidden":
        names = _names_at(problem["loc"])
        near = difflib.get_close_matches(str(problem["loc"][-1]), names, 1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(sorted(names))}"
        return f"{path}: {place}: không có mục này / no such setting{hint}"
    if kind == "missing":
        return f"{path}: {place}: thiếu mục này / is missing; add it"
    what = problem["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return f"{path}: {place}: giá trị {value} sai / must be {what}, not {value}"


def _names_at(where: tuple[Any, ...]) -> list[str]:
    if len(where) == 1:
        return list(all_sections())
    return list(section_fields(str(where[0]))) if str(where[0]) in all_sections() else []


def load(path: Path) -> AgentConfig:
    """The checked configuration with its secrets, cheaply: from the cache, else by a child process.

    Raises ConfigError.
    """
    try:
        raw = path.read_bytes()
        state_dir = Path(str(tomllib.loads(raw.decode("utf-8-sig"))["room"].get("state_dir", "/var/lib/diemcau")))
    except (OSError, KeyError, AttributeError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return with_secrets(validate(path))  # it says what is wrong, in full
    mark = _mark(raw)
    cached = _from_cache(state_dir / CACHE, mark)
    if cached is not None:
        return with_secrets(cached)
    done = subprocess.run(  # noqa: S603  our own interpreter and module, and the file we were given
        [sys.executable, "-m", "agent.settings", str(path)], capture_output=True, timeout=CHILD_TIMEOUT_S, check=False
    )
    if done.returncode != 0:
        raise ConfigError(done.stderr.decode("utf-8", "replace").strip().splitlines() or ["room.toml: ?"])
    config = msgspec.json.decode(done.stdout, type=AgentConfig)
    _to_cache(state_dir / CACHE, mark, done.stdout)
    return with_secrets(config)


def _mark(raw: bytes) -> str:
    """What the result depends on: the file, the environment and this program."""
    from agent import __version__

    ours = sorted(f"{k}={v}" for k, v in os.environ.items() if k.startswith(ENV_PREFIX))
    return hashlib.sha256(raw + "\0".join([*ours, __version__]).encode()).hexdigest()


def _from_cache(path: Path, mark: str) -> AgentConfig | None:
    try:
        found, _, body = path.read_bytes().partition(b"\n")
        return msgspec.json.decode(body, type=AgentConfig) if found.decode() == mark else None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def _to_cache(path: Path, mark: str, body: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_bytes(mark.encode() + b"\n" + body)
        fresh.chmod(0o600)
        fresh.replace(path)
    except OSError:
        return  # a card that cannot be written is somebody else's alarm


def main() -> int:
    """`python -m agent.settings FILE`: the checked configuration as JSON, or the mistakes, a line each."""
    try:
        config = validate(Path(sys.argv[1]))
    except ConfigError as error:
        sys.stderr.write("\n".join(error.problems) + "\n")
        return 2
    sys.stdout.buffer.write(msgspec.json.encode(config))
    return 0


assert all(is_dataclass(kind) for kind in (*SECTIONS.values(), *LISTS.values(), *TABLES.values()))

if __name__ == "__main__":
    sys.exit(main())
