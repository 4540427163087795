"""hub.toml + environment + secret files, through pydantic-settings. Every mistake is one sentence with its mend."""

from __future__ import annotations

import difflib
import os
import stat
import tomllib
from datetime import timedelta, timezone, tzinfo
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource
from pydantic_settings import SettingsError as BadEnvironmentError

from hub.access.oidc.options import Options, fault_of_url
from hub.access.permissions import ROLES
from hub.intake.link import Broker
from hub.signer.client import SignerClient, Unsigned
from wire.address import host_of

DATABASE = "hub.db"
CREDENTIALS_ENV = "CREDENTIALS_DIRECTORY"
"""Where systemd puts what a unit's `LoadCredential=` names."""
SEED_CREDENTIAL = "seed-key"
SEED_KEY_MIN = 32
ENV_PREFIX = "DIEMCAU_HUB_"
VIETNAM = "Asia/Ho_Chi_Minh"
SENTENCE_MAX = 1500
SHOWN_MAX = 200
"""Most characters of a name or value that a sentence about it repeats."""
SOCKET_MAX_BYTES = 107
"""Linux' bound for the path of a socket."""
MENDS: dict[str, str] = {
    "port": "dùng số từ 1 đến 65535",
    "host": "chỉ ghi tên hoặc địa chỉ máy",
    "require_totp_for_admins": "dùng true hoặc false",
    "beat_s": "dùng số giây từ 1 đến 600",
    "commit_ms": "dùng số mili giây từ 20 đến 1000",
    "reconnect_window_s": "dùng số giây từ 5 đến 600",
    "share_pct": "dùng phần trăm từ 0 đến 100",
    "floor": "dùng số phòng từ 0 đến 1000",
    "window_s": "dùng số giây từ 10 đến 86400",
    "timezone": f"dùng tên múi giờ như {VIETNAM}",
    "data_dir": "ghi đường dẫn một thư mục",
    "syslog": "ghi đường dẫn ổ cắm syslog của máy này, như /dev/log",
    "oidc": "xem docs/hub.md#single-sign-on",
}
"""How to mend a setting, in Vietnamese; the English mend is the bound itself."""


class SettingsError(Exception):
    """The settings cannot be used. `problems` holds one sentence for each mistake: where, what, and the mend."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = [problem[:SENTENCE_MAX] for problem in problems]


Host = Annotated[str, AfterValidator(host_of)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BrokerSection(_Section):
    """Where the broker is, and how to sign in."""

    host: Host = "127.0.0.1"
    port: int = Field(default=1883, ge=1, le=65535)
    user: str = ""
    password_file: str = ""
    client_id: str = "diemcau-hub"
    """One hub, one id: a second hub with the same id takes the session over."""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""


class WebSection(_Section):
    """The console."""

    host: Host = "127.0.0.1"
    """Loopback; put a proxy with TLS in front for anything else."""
    port: int = Field(default=8700, ge=1, le=65535)
    require_totp_for_admins: bool = True
    """Whether administrators must set up the second step of signing in before they can do anything else."""
    seed_key_file: str = ""
    """The key that seals the secrets of authenticator apps. Empty: systemd's credential `seed-key`, where there is one;
    without any they stand open in the database."""


class IngestSection(_Section):
    """How rooms are heard."""

    beat_s: float = Field(default=60.0, ge=1, le=600)
    """A room is heard at least this often; three missed beats make it lost."""
    commit_ms: float = Field(default=150.0, ge=20, le=1000)
    """Between two commits, and so between an event and its acknowledgement."""
    reconnect_window_s: float = Field(default=30.0, ge=5, le=600)
    """Rooms spread their reconnect over this window."""


class FleetSection(_Section):
    """How much of the province may restart something by itself at a time. Connected rooms ask before they act."""

    share_pct: float = Field(default=5.0, ge=0, le=100)
    """Share of the installed rooms that may act within the window."""
    floor: int = Field(default=5, ge=0, le=1000)
    """At least so many, however few rooms there are."""
    window_s: float = Field(default=600.0, ge=10, le=86400)


class SignerSection(_Section):
    """Who signs orders and documents to rooms."""

    socket: str = ""
    """The signer's Unix socket. Empty: nothing is signed, and rooms obey nothing but in a demonstration."""
    keys_file: str = ""
    """The list of keys that rooms believe, as `diemcau-hub signer` writes it; published to all rooms."""


class EnrolSection(_Section):
    """New boards, see docs/identity.md."""

    authority: str = ""
    """Folder of the authority, where it is on this machine: certificates are then issued at once. Empty: by hand."""
    settings: str = ""
    """Folder with ROOM.toml files that new boards are given."""

    @property
    def authority_dir(self) -> Path | None:
        """The authority's folder."""
        return Path(self.authority) if self.authority else None

    @property
    def settings_dir(self) -> Path | None:
        """The folder of settings."""
        return Path(self.settings) if self.settings else None


class AuditSection(_Section):
    """Where the log of who did what goes besides the database."""

    syslog: str = ""
    """A syslog socket of this machine, such as `/dev/log`: each row is written there. Empty: none."""

    @field_validator("syslog")
    @classmethod
    def _path(cls, text: str) -> str:
        if text and not (text.startswith("/") and len(text.encode()) <= SOCKET_MAX_BYTES):
            raise ValueError(f"a path like /dev/log, at most {SOCKET_MAX_BYTES} bytes")
        return text


class OidcSection(_Section):
    """The office's own provider for signing in, see docs/hub.md. Without `issuer` there is none."""

    issuer: str = ""
    client_id: str = ""
    client_secret_file: str = ""
    public_url: str = ""
    """The console's own address as browsers see it."""
    ca_file: str = ""
    """Who vouches for the provider; empty: the system's authorities."""
    scope: str = "openid profile"
    user_claim: str = "preferred_username"
    """Which claim names the account."""
    role_claim: str = ""
    """Which claim says the role, by `roles`. Empty: only accounts that were made before."""
    place_claim: str = ""
    """Which claim says the places: codes, or `*` for the whole tree."""
    roles: dict[str, str] = {}
    """What the provider's words mean here."""

    @model_validator(mode="after")
    def _whole(self) -> OidcSection:
        if not self.issuer:
            return self
        for name in ("issuer", "public_url"):
            if fault := fault_of_url(getattr(self, name)):
                raise ValueError(f"{name} must be {fault}")
        if not self.client_id or "openid" not in self.scope.split():
            raise ValueError("client_id must be given, and scope must hold openid")
        if bool(self.role_claim) != bool(self.place_claim) or bool(self.role_claim) != bool(self.roles):
            raise ValueError("role_claim, place_claim and roles must be given together, or none of them")
        if unknown := sorted(set(self.roles.values()) - set(ROLES)):
            raise ValueError(f"roles must mean one of {', '.join(ROLES)}; unknown are {', '.join(unknown)[:SHOWN_MAX]}")
        return self


class _Toml(TomlConfigSettingsSource):
    """The file, with or without the mark that editors of Windows put before it."""

    def _read_file(self, file_path: Any) -> dict[str, Any]:
        return tomllib.loads(file_path.read_bytes().decode("utf-8-sig"))


SECTIONS: dict[str, type[_Section]] = {
    "broker": BrokerSection,
    "web": WebSection,
    "ingest": IngestSection,
    "fleet": FleetSection,
    "signer": SignerSection,
    "enrol": EnrolSection,
    "audit": AuditSection,
    "oidc": OidcSection,
}


class HubSettings(BaseSettings):
    """Everything the hub is told."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_nested_delimiter="__", extra="forbid", nested_model_default_partial_update=True
    )
    data_dir: Path = Path("/var/lib/diemcau-hub")
    """The database's folder; a relative path counts from the folder of hub.toml."""
    timezone: str = VIETNAM
    broker: BrokerSection = BrokerSection()
    web: WebSection = WebSection()
    ingest: IngestSection = IngestSection()
    fleet: FleetSection = FleetSection()
    signer: SignerSection = SignerSection()
    enrol: EnrolSection = EnrolSection()
    audit: AuditSection = AuditSection()
    oidc: OidcSection = OidcSection()

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            zone_of(name)
        except (OSError, ValueError, KeyError):
            raise ValueError("a time zone such as Asia/Ho_Chi_Minh") from None
        return name

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file."""
        del init_settings, dotenv_settings, file_secret_settings
        return env_settings, _Toml(settings_cls)

    @property
    def database(self) -> Path:
        """The hub's database."""
        return self.data_dir / DATABASE

    @property
    def zone(self) -> tzinfo:
        """The time zone of people and schedules."""
        return zone_of(self.timezone)

    def sealer(self) -> SignerClient | Unsigned:
        """Who signs."""
        return SignerClient(Path(self.signer.socket)) if self.signer.socket else Unsigned()

    def broker_of(self) -> Broker:
        """The broker with its password read from its file. Raises SettingsError."""
        b = self.broker
        password = read_secret("broker.password_file", b.password_file) if b.password_file else ""
        return Broker(b.host, b.port, b.user, password, b.client_id, b.ca_file, b.cert_file, b.key_file)

    def seed_key(self) -> str:
        """The key of the authenticator apps' secrets; empty when there is none. Raises SettingsError."""
        name, place = self.web.seed_key_file, "web.seed_key_file"
        given = Path(os.environ.get(CREDENTIALS_ENV, "/nowhere")) / SEED_CREDENTIAL
        if not name:
            if not given.exists():
                return ""
            name, place = str(given), f"LoadCredential={SEED_CREDENTIAL}"
        key = read_secret(place, name)
        if len(key) < SEED_KEY_MIN:
            raise SettingsError([f"{place}: {name} quá ngắn / is too short: openssl rand -base64 32 > {name}"])
        return key

    def oidc_options(self) -> Options | None:
        """The provider with its secret read from its file; None when there is none. Raises SettingsError."""
        o = self.oidc
        if not o.issuer:
            return None
        file = o.client_secret_file
        secret = read_secret("oidc.client_secret_file", file) if file else ""
        return Options(
            o.issuer, o.client_id, o.public_url, secret, o.ca_file, o.scope, o.user_claim, o.role_claim, o.place_claim,
            o.roles,
        )  # fmt: skip


def load(path: Path) -> HubSettings:
    """Read and check everything. Raises SettingsError."""
    try:
        tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except IsADirectoryError:
        raise SettingsError(
            [f"{path}: là một thư mục / is a folder: name the file in it, {path / 'hub.toml'}"]
        ) from None
    except FileNotFoundError:
        raise SettingsError([f"{path}: không có tệp này / no such file: make it, see docs/hub.md"]) from None
    except OSError as error:
        raise SettingsError([f"{path}: không đọc được / cannot be read: {error.strerror}"]) from None
    except (ValueError, RecursionError) as error:  # also endless numbers and nesting
        raise SettingsError([f"{path}: không phải TOML hợp lệ / not valid TOML: {error}"]) from None

    class FromFile(HubSettings):
        model_config = SettingsConfigDict(toml_file=path)

    try:
        settings = FromFile()
    except ValidationError as error:
        raise SettingsError([_sentence(path, problem) for problem in error.errors()]) from None
    except BadEnvironmentError as error:
        raise SettingsError(
            [f"biến môi trường {ENV_PREFIX}… sai, sửa hoặc bỏ / a variable {ENV_PREFIX}… is wrong, mend it: {error}"]
        ) from None
    settings.data_dir = path.resolve().parent / settings.data_dir
    return settings


def zone_of(name: str) -> tzinfo:
    """A time zone. Vietnam has no summer time, so the default needs no time-zone data on the host. Raises KeyError."""
    return timezone(timedelta(hours=7)) if name == VIETNAM else ZoneInfo(name)


def read_secret(place: str, name: str) -> str:
    """The first line of a secret's file, which nobody but its owner may read. Raises SettingsError."""
    path = Path(name)
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise SettingsError([f"{place}: {path} ai cũng đọc được / is open to others: run chmod 600 {path}"])
        lines = path.read_text(
            "utf-8-sig"
        ).splitlines()  # an editor of Windows may put its mark before the first letter
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([f"{place}: không đọc được {path} / cannot be read: {error}"]) from None
    if not lines or not lines[0].strip():
        raise SettingsError([f"{place}: {path} trống / is empty: write the secret into its first line"])
    return lines[0].strip()


def _sentence(path: Path, problem: Any) -> str:
    place = ".".join(str(part) for part in problem["loc"])[:SHOWN_MAX]
    if problem["type"] == "extra_forbidden":
        names = _names(problem["loc"])
        near = difflib.get_close_matches(str(problem["loc"][-1]), names, 1)
        known = ", ".join(sorted(names))
        hint = f"; có phải / did you mean {near[0]!r}?" if near else f"; các mục có / known: {known}"
        return f"{path}: {place}: không có mục này / no such setting{hint}"
    what = problem["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    value = repr(problem.get("input"))[:SHOWN_MAX]
    mend = MENDS.get(str(problem["loc"][-1]), "sửa lại kiểu giá trị")
    return f"{path}: {place}: giá trị {value} sai, {mend} / must be {what}, not {value}"


def _names(where: tuple[Any, ...]) -> list[str]:
    section = SECTIONS.get(str(where[0])) if len(where) > 1 else None
    return list((section or HubSettings).model_fields)
