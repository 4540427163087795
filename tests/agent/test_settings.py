"""room.toml, environment and secrets: every mistake is one sentence with its place and its mend."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.config.room import ConfigError
from agent.config.secrets import with_secrets
from agent.core.remedies import LOADS
from agent.main import main
from agent.power.rescue import CACHE
from agent.settings import all_sections, load, section_fields, validate

GOOD = """
[room]
id = "r-1a"
state_dir = "{state}"
[codec]
family = "cisco_xapi"
uri = "tcp://10.0.0.5:23"
[relays.codec]
pin = 17
"""


@pytest.fixture
def room(tmp_path: Path) -> Path:
    path = tmp_path / "room.toml"
    path.write_text(GOOD.format(state=tmp_path / "state"), "utf-8")
    return path


def test_a_good_file_is_taken_with_the_defaults(room: Path) -> None:
    config = validate(room)
    assert config.room == "r-1a"
    assert config.probes.codec is not None
    assert config.relays[0].contact == "nc"
    assert not config.accept_unsigned
    assert config.policy(frozenset()).loads["codec"].hold_on_s == 180


@pytest.mark.parametrize(
    ("display", "never_cut"),
    [
        ('family = "pjlink"\nuri = "tcp://10.0.0.9"', True),
        ('family = "pjlink"\nuri = "tcp://10.0.0.9"\n[loads.display]\nnever_cut = false\nboot_s = 30', True),
    ],
)
def test_a_projector_is_never_cut(room: Path, display: str, never_cut: bool) -> None:
    room.write_text(room.read_text("utf-8") + f"[relays.display]\npin = 23\n[display]\n{display}\n", "utf-8")
    load_of_display = validate(room).policy(frozenset()).loads["display"]
    assert load_of_display.never_cut is never_cut
    assert load_of_display.boot_s == (30 if "boot_s" in display else LOADS["display"].boot_s)


MARK = "\ufeff"
"""What Windows' own editor puts before a text in UTF-8."""


def test_a_mark_of_windows_before_the_file_and_before_a_secret_is_no_part_of_them(room: Path, tmp_path: Path) -> None:
    secret = tmp_path / "codec.pw"
    secret.touch(mode=0o600)
    secret.write_text(MARK + "bi-mat-1\r\n", "utf-8")
    text = room.read_text("utf-8").replace('uri = "tcp', f'password_file = "{secret}"\nuri = "tcp')
    room.write_text(MARK + text, "utf-8")
    assert main(["check-config", str(room)]) == 0
    for _ in range(2):  # the second time from the cache
        codec = load(room).probes.codec
        assert codec is not None
        assert codec.password == "bi-mat-1"
    assert Path(tmp_path / "state" / CACHE).exists(), "beside the room's own database, not at the default place"


def test_an_empty_secret_is_named_and_stops_no_room(
    room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "codec.pw"
    secret.touch(mode=0o600)
    room.write_text(room.read_text("utf-8").replace('uri = "tcp', f'password_file = "{secret}"\nuri = "tcp'), "utf-8")
    for empty in ("", "\n", MARK, "\n\nbi-mat\n"):
        secret.write_text(empty, "utf-8")
        assert main(["check-config", str(room)]) == 2
        assert f"codec.password_file: {secret} trống / is empty" in capsys.readouterr().err
        codec = load(room).probes.codec
        assert codec is not None
        assert codec.password == ""


def test_a_folder_is_no_file(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-config", str(room.parent)]) == 2
    assert "is a folder" in capsys.readouterr().err


@pytest.mark.parametrize("section", ["[broker]\nhost = 'b'\nport = 0", "[broker]\nport = 65536", "[ups]\nport = 0"])
def test_a_port_that_there_is_none_of_is_refused(room: Path, section: str) -> None:
    room.write_text(f"{room.read_text('utf-8')}\n{section}\n", "utf-8")
    with pytest.raises(ConfigError, match=r"\.port: .* must be (greater|less) than or equal to"):
        validate(room)


@pytest.mark.parametrize("uri", ["tcp://10.0.0.5:0", "udp://10.0.0.5:0"])
def test_a_line_without_a_possible_port_is_refused(room: Path, uri: str) -> None:
    room.write_text(room.read_text("utf-8").replace("tcp://10.0.0.5:23", uri), "utf-8")
    with pytest.raises(ConfigError):
        validate(room)


def test_brackets_of_ipv6_are_taken_from_a_host(room: Path) -> None:
    room.write_text(room.read_text("utf-8") + "[broker]\nhost = '[2001:db8::7]'\n[ups]\nhost = '[::1]'\n", "utf-8")
    config = validate(room)
    assert config.broker.host == "2001:db8::7"
    assert config.probes.ups is not None
    assert config.probes.ups.host == "::1"
    room.write_text(room.read_text("utf-8").replace("[2001:db8::7]", "mqtt.example:8883"), "utf-8")
    with pytest.raises(ConfigError, match=r"broker\.host.*without scheme or port"):
        validate(room)


def test_the_display_s_password_is_read_from_its_file(room: Path, tmp_path: Path) -> None:
    secret = tmp_path / "display.pw"
    secret.touch(mode=0o600)
    secret.write_text("mật khẩu\n", "utf-8")
    text = f'[display]\nuri = "tcp://10.0.0.9"\npassword_file = "{secret}"\n'
    room.write_text(room.read_text("utf-8") + text, "utf-8")
    display = load(room).probes.display
    assert display is not None
    assert display.password == "mật khẩu"
    assert "mật khẩu" not in repr(display)


BAD: list[tuple[str, str, str]] = [
    ('id = "r-1a"', 'id = "Phòng 1"', r"room\.id"),
    ('id = "r-1a"', "", r"room\.id.*missing"),
    ('id = "r-1a"', "id = 5", r"room\.id"),
    ("[room]", "[rooom]", r"did you mean 'room'"),
    ('family = "cisco_xapi"', 'famly = "cisco_xapi"', r"codec\.famly.*did you mean 'family'"),
    ("pin = 17", "pin = 3", r"relays\.codec.*9 to 27"),
    ("pin = 17", 'pin = "abc"', r"relays\.codec\.pin"),
    ("pin = 17", "", r"relays\.codec\.pin.*missing"),
    ("pin = 17", 'pin = 17\ncontact = "open"', r"relays\.codec\.contact.*'nc' or 'no'"),
    ("pin = 17", 'pin = 17\ncontact = "no"', r"relays\.codec\.contact.*normally closed"),
    ("[relays.codec]", "[relays.toaster]", r"relays\.toaster.*no such load"),
    ("[relays.codec]", '[display]\nuri="tcp://10.0.0.9"\ninput="hdmi"\n[relays.codec]', r"no input 'hdmi'.*digital1"),
    ("[relays.codec]", '[display]\nfamily="tv"\n[relays.codec]', r"display family 'tv' is not known.*pjlink"),
    ("[relays.codec]", "[camera]\n[relays.codec]", r"devices: camera: line '' must be udp://"),
    ("[relays.codec]", "[loads.toaster]\noff_s=5\n[relays.codec]", r"loads\.toaster.*no such load"),
    ("[relays.codec]", "[loads.codec]\noff_s=500\n[relays.codec]", r"loads\.codec\.off_s.*1 to 120"),
    ("[relays.codec]", "[loads.codec]\noff_s=0\n[relays.codec]", r"loads\.codec\.off_s.*1 to 120"),
    ("[relays.codec]", "[loads.codec]\nhold_on_s=10\n[relays.codec]", r"loads\.codec\.hold_on_s.*180"),
    ("[relays.codec]", "[loads.codec]\nbudget_per_hour=50\n[relays.codec]", r"loads\.codec\.budget_per_hour"),
    ("[relays.codec]", "[loads.codec]\nboot_s=0\n[relays.codec]", r"loads\.codec\.boot_s"),
    ("[relays.codec]", "[relays.switch]\npin = 17\n[relays.codec]", r"already used"),
    ("[relays.codec]", "[policy]\ntime_scale = 5.0\n[relays.codec]", r"policy\.time_scale.*0\.01 to 1"),
    ("[relays.codec]", '[thresholds]\ndark_lx = "low"\n[relays.codec]', r"thresholds\.dark_lx"),
    ("[relays.codec]", "[broker]\nport = 1.5\n[relays.codec]", r"broker\.port"),
    ("[relays.codec]", '[broker]\npassword = "x"\n[relays.codec]', r"broker\.password.*no such setting"),
    ("[relays.codec]", "[[meters]]\nrol = 1\n[relays.codec]", r"meters\.0\.rol"),
    ('"cisco_xapi"', '"cisco_xpai"', r"devices.*'cisco_xpai' is not known"),
    ("tcp://10.0.0.5:23", "http://10.0.0.5", r"devices.*must be tcp://"),
    ("[relays.codec]", '[network]\ngateway = "10.0.0.1"\n[relays.codec]', r"devices.*must begin with icmp:"),
    ("[relays.codec]", '[[sensors]]\nchip="bme280"\n[[sensors]]\nchip="bme280"\n[relays.codec]', r"devices.*both"),
    ("[room]", "[room\n", r"not valid TOML"),
]


@pytest.mark.parametrize(("old", "new", "expected"), BAD)
def test_every_mistake_is_one_sentence(room: Path, old: str, new: str, expected: str) -> None:
    text = room.read_text("utf-8")
    assert old in text
    room.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ConfigError) as caught:
        validate(room)
    assert any(re.search(expected, problem) for problem in caught.value.problems), caught.value.problems
    assert all(str(room) in problem and "\n" not in problem for problem in caught.value.problems)


def test_all_mistakes_are_named_at_once(room: Path) -> None:
    room.write_text('[room]\nid = 5\n[codec]\nfamly = "x"\n[relays.codec]\npin = "x"\n', "utf-8")
    with pytest.raises(ConfigError) as caught:
        validate(room)
    assert len(caught.value.problems) == 3


def test_a_missing_or_binary_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        validate(tmp_path / "none.toml")
    (tmp_path / "b.toml").write_bytes(b"\xff\x00")
    with pytest.raises(ConfigError, match="not valid TOML"):
        validate(tmp_path / "b.toml")


def test_the_environment_overrides_one_value(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIEMCAU_BROKER__HOST", "10.9.9.9")
    assert validate(room).broker.host == "10.9.9.9"
    assert load(room).broker.host == "10.9.9.9", "the child process sees it too"


def test_a_province_sets_what_lies_beyond_the_converter_once_for_all_rooms(
    room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIEMCAU_NETWORK__BEYOND", '["icmp:10.20.0.1", "dns:203.0.113.53"]')
    config = load(room)
    assert config.probes.network is not None
    assert config.probes.network.beyond == ("icmp:10.20.0.1", "dns:203.0.113.53")


def test_secrets_come_from_files_that_nobody_else_can_read(room: Path, tmp_path: Path) -> None:
    secret = tmp_path / "codec.pw"
    secret.write_text("mật khẩu\n", "utf-8")
    secret.chmod(0o600)
    room.write_text(room.read_text("utf-8").replace('uri = "tcp', f'password_file = "{secret}"\nuri = "tcp'), "utf-8")
    config = load(room)
    assert config.probes.codec is not None
    assert config.probes.codec.password == "mật khẩu"
    assert "mật khẩu" not in (tmp_path / "state" / CACHE).read_text("utf-8")
    assert "mật khẩu" not in repr(config)
    secret.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        load(room)
    secret.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        load(room)


def test_the_cache_is_used_while_nothing_changed_and_never_after(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load(room)
    monkeypatch.setattr("subprocess.run", lambda *_a, **_k: pytest.fail("a child was started"))
    assert load(room) == first
    monkeypatch.undo()
    room.write_text(room.read_text("utf-8").replace("pin = 17", "pin = 18"), "utf-8")
    assert load(room).relays[0].pin == 18


@pytest.mark.parametrize("content", [b"", b"garbage", b"abc\n{}"])
def test_a_damaged_cache_is_made_anew(room: Path, tmp_path: Path, content: bytes) -> None:
    load(room)
    (tmp_path / "state" / CACHE).write_bytes(content)
    assert load(room).room == "r-1a"


def test_check_config_speaks_plainly(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-config", str(room)]) == 0
    room.write_text(room.read_text("utf-8").replace("pin = 17", "pin = 3"), "utf-8")
    assert main(["check-config", str(room)]) == 2
    assert "9 to 27" in capsys.readouterr().err


def test_every_section_has_fields() -> None:
    assert all(section_fields(section) for section in all_sections())


OUTLET = """[room]
id = "r"
[relays.{load}]
family = "{family}"
uri = "{uri}"
{more}
"""


@pytest.mark.parametrize(
    ("load", "family", "uri", "more", "words"),
    [
        (
            "codec",
            "shely",
            "http://10.0.0.9",
            "",
            r"relays\.codec: outlet family 'shely' is not known; there are:.*shelly",
        ),
        ("codec", "shelly", "10.0.0.9", "", r"relays\.codec: .*must be http://HOST"),
        ("codec", "shelly", "", "", r"relays\.codec\.uri: .*is missing"),
        (
            "codec",
            "shelly",
            "http://10.0.0.9",
            "number = 99",
            r"relays\.codec: outlet number 99 of shelly must be 0\.\.15",
        ),
        ("codec", "shelly", "http://10.0.0.9", "pin = 17", r"relays\.codec\.pin: .*no pin: leave it out"),
        ("codec", "shelly", "http://10.0.0.9", 'contact = "no"', r"relays\.codec\.contact: .*GPIO relays only"),
        ("codec", "gpio", "http://10.0.0.9", "pin = 17", r"relays\.codec\.family: .*needs the outlet's family"),
        ("switch", "apc_rpdu", "snmp://10.0.0.9", "", r"relays\.switch: .*cannot give power back by itself"),
        ("converter", "apc_rpdu2", "snmp://10.0.0.9", "", r"relays\.converter: .*cannot give power back by itself"),
    ],
)
def test_every_mistake_about_an_outlet_is_one_sentence(
    tmp_path: Path, load: str, family: str, uri: str, more: str, words: str
) -> None:
    path = tmp_path / "room.toml"
    path.write_text(OUTLET.format(load=load, family=family, uri=uri, more=more), "utf-8")
    with pytest.raises(ConfigError, match=words):
        validate(path)


def test_an_outlet_may_feed_the_agents_own_way_when_it_ends_a_cycle_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "room.toml"
    secret = tmp_path / "plug.secret"
    secret.touch(mode=0o600)
    secret.write_text("mat-khau\n", "utf-8")
    more = f'password_file = "{secret}"'
    path.write_text(OUTLET.format(load="switch", family="tasmota", uri="http://10.0.0.9", more=more), "utf-8")
    (relay,) = with_secrets(validate(path)).relays
    assert (relay.load, relay.family, relay.password) == ("switch", "tasmota", "mat-khau")
    assert "mat-khau" not in repr(relay)
