"""Who judges what we say to devices and take from them: programs and strings that nobody of this project wrote.

One row per judge and family; `python -m tools.judges` counts what each has judged, and `tests/devices/test_judges.py`
holds the rows to the tests, the recordings and the installed packages that they name. A family without a judge says so
in `NONE`. What is *invented* judges nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["client", "daemon", "strings"]
"""A foreign client that our simulator has to satisfy; a foreign server, daemon or kernel that our code has to satisfy;
or foreign words that our code has to read."""

PAPER = "the maker's; strings only"
"""Licence of what is taken from a document: single strings, no text."""


@dataclass(frozen=True, slots=True)
class Judge:
    """One judge of one family."""

    family: str
    """A file of `agent/devices/*/`."""
    name: str
    """What it calls itself; of strings a phrase of the `# origin` lines of the recordings that hold them."""
    kind: Kind
    source: str
    """`pypi:NAME` or `npm:NAME` (their version is the lock's), `debian:NAME` (the release's), `kernel`,
    `github:OWNER/NAME` with `@COMMIT` where it is known, or `paper`."""
    licence: str
    """SPDX, as its metadata or its copyright file has it."""
    over: str
    """What it judges, and what it does not."""
    tests: tuple[str, ...] = ()
    """`PATH` or `PATH::FUNCTION` of what it runs in. Without any, the recordings of its name in every test of them."""
    calls: str = ""
    """How a test, or the fixture that it takes, calls it: a piece of that file's text."""
    helper: str = ""
    """The file with `calls`, where that is not the test's own."""


def _reach(name: str) -> str:
    return f"tests/probes/test_reach.py::{name}"


def _client(name: str) -> tuple[str, ...]:
    return (f"tests/sim/test_public_clients.py::{name}",)


CODECS = (
    Judge("cisco_xapi", "jsxapi", "client", "npm:jsxapi", "MIT", "our simulator: words and ends of TCP's JSON mode",
          ("tests/sim/test_jsxapi.py",), "jsxapi_judge.cjs"),
    Judge("cisco_xapi", "Cisco's xAPI reference", "strings", "paper", PAPER, "replies in text and in JSON"),
    Judge("cisco_ws", "xows", "client", "pypi:xows", "MIT", "our simulator: log-in, JSON-RPC, feedback",
          ("tests/sim/test_cisco_web.py::test_a_public_client_is_satisfied",
           "tests/sim/test_cisco_web.py::test_a_public_client_is_refused_with_a_wrong_password"), "import xows"),
    Judge("cisco_ws", "the public client xows", "strings", "pypi:xows", "MIT", "replies that it takes for such"),
    Judge("cisco_http", "Cisco's web API", "strings", "paper", PAPER, "replies in XML"),
    Judge("cisco_http", "HL727/Meeting", "strings",
          "github:HL727/Meeting@0e9d83aecabdaf90a6bd48361767d8f58d16eacb", "none stated; values only",
          "status trees of an SX10, a DX80 and a Room Kit, idle; how they are split by question is ours"),
    Judge("generic", "Linux", "daemon", "kernel", "GPL-2.0-only", "echoes and refusals on loopback",
          (_reach("test_echo_on_loopback"), _reach("test_unprivileged_echo_and_silence")), "127.0.0.1"),
    Judge("huawei_te", "the maker's HTTP API reference", "strings", "paper", PAPER, "replies in JSON"),
    Judge("poly_cli", "Poly's integrator reference manuals", "strings", "paper", PAPER, "answers of HDX and Group"),
    Judge("poly_cli", "ICD.Connect.Conferencing", "strings", "github:ICDSystems/ICD.Connect.Conferencing", "MIT",
          "prompts and rows of calls of a Group"),
    Judge("poly_cli", "DevCoreDXI76/codec_control_center", "strings",
          "github:DevCoreDXI76/codec_control_center@c4da11f714a8f339133d1cb5c1ed82788eac1569",
          "none stated; values only", "prompts and own words of a Group 700, as it said them"),
    Judge("poly_videoos", "Poly's public REST API reference guide", "strings", "paper", PAPER, "replies in JSON"),
    Judge("sip", "baresip", "daemon", "debian:baresip-core", "BSD-3-clause", "OPTIONS over UDP and TCP",
          (_reach("test_sip_over_udp_and_tcp"),), '"baresip"'),
    Judge("yealink_vc", "API Commands Introduction", "strings", "paper", PAPER, "answers of a VC800"),
)  # fmt: skip

SCREENS = (
    Judge("cec", "HDMI 1.4's CEC supplement", "strings", "paper", PAPER, "messages of a television"),
    Judge("lg_serial", "lgtv-rs232-zcline91", "client", "pypi:lgtv-rs232-zcline91", "GPL-3.0",
          "our simulator over a pty: words, numbers, refusals",
          _client("test_lg_by_lgtv_rs232"), "from lgtv_rs232 import"),
    Judge("lg_serial", "LG's manuals", "strings", "paper", PAPER, "acknowledgements"),
    Judge("pjlink", "aiopjlink", "client", "pypi:aiopjlink", "MIT", "our simulator: log-in, class 1 and 2",
          ("tests/sim/test_pjlink.py::test_a_public_client_is_satisfied",), "from aiopjlink import"),
    Judge("pjlink", "JBMIA's specification", "strings", "paper", PAPER, "its examples"),
    Judge("pjlink", "OpenLP's pjlinkcommands", "strings", "github:openlp/openlp", "GPL-3.0-or-later",
          "words of an Optoma that the specification does not have"),
    Judge("samsung_mdc", "python-samsung-mdc", "client", "pypi:python-samsung-mdc", "BSD-3-Clause",
          "our simulator: frames over TCP and a pty",
          ("tests/sim/test_mdc.py::test_a_public_client_is_satisfied",), "from samsung_mdc import"),
    Judge("samsung_mdc", "Samsung's MDC protocol 15.0", "strings", "paper", PAPER, "frames of a display"),
    Judge("visca", "Sony's command list of the EVI series", "strings", "paper", PAPER, "frames of a camera"),
    Judge("visca_ip", "visca-over-ip", "client", "pypi:visca-over-ip", "Unlicense", "our simulator: datagrams",
          ("tests/sim/test_visca.py::test_a_public_client_is_satisfied",), "from visca_over_ip.camera import"),
    Judge("visca_ip", 'Sony\'s "VISCA over IP"', "strings", "paper", PAPER, "datagrams of a camera"),
)  # fmt: skip

POWER = (
    *(Judge(family, "snmpsim", "daemon", "pypi:snmpsim", "BSD-2-Clause", "SNMP; what the tables hold is ours",
            tuple(f"tests/probes/test_apc.py::{name}" for name in (
                "test_the_two_generations_count_the_other_way_round",
                "test_an_unknown_state_is_neither_on_nor_off_and_an_unknown_outlet_is_none",
                "test_orders_are_one_for_on_and_two_for_off")), "snmpsim-command-responder", "tests/snmp_peer.py")
      for family in ("apc_rpdu", "apc_rpdu2")),
    Judge("apc_rpdu2", "pysnmp", "client", "pypi:pysnmp", "BSD-2-Clause", "our simulator: SNMP, an outlet's state",
          ("tests/sim/test_outlets.py::test_the_strip_of_the_simulator_is_read_by_a_public_client",),
          "from pysnmp.hlapi"),
    Judge("nut", "upsd with dummy-ups", "daemon", "debian:nut-server", "GPL-2", "every question and order",
          tuple(f"tests/probes/test_power.py::{name}" for name in (
              "test_a_real_upsd", "test_the_probe_command_names_what_upsd_has", "test_a_real_upsd_refuses",
              "test_orders_to_a_real_upsd")), "dummy-ups"),
    Judge("nut", "nut-ddl", "strings", "github:networkupstools/nut-ddl", "none stated; values only",
          "variables of UPSes of APC, Eaton, Santak, Ablerex, Huawei, CyberPower, Powercom"),
    Judge("nut", "networkupstools/nut#", "strings", "github:networkupstools/nut", "GPL-2.0-or-later; values only",
          "variables that users have shown"),
    Judge("nut", "aionut", "client", "pypi:aionut", "Apache-2.0", "our simulator: lists, values, refusals",
          _client("test_nut_by_aionut"), "from aionut import"),
    Judge("shelly", "Home Assistant's fixtures", "strings", "github:home-assistant/core", "Apache-2.0",
          "state and settings of switches of Gen3 and Gen4"),
    Judge("tasmota", "arendst/Tasmota#", "strings", "github:arendst/Tasmota", "GPL-3.0-only; values only",
          "answers that users have shown"),
    Judge("shelly", "ShellyPy", "client", "pypi:shellypy", "MIT", "our simulator: Digest, a switch, its timer",
          _client("test_shelly_by_shellypy"), "from ShellyPy import"),
    Judge("tasmota", "tasmotadevicecontroller", "client", "pypi:tasmotadevicecontroller", "GPL-3.0",
          "our simulator: password, a relay, its meter",
          _client("test_tasmota_by_tasmotadevicecontroller"), "from tasmotadevicecontroller import"),
    Judge("pzem004t", "pymodbus' client", "client", "pypi:pymodbus", "BSD-3-Clause", "our simulator: Modbus RTU",
          _client("test_pzem004t_by_pymodbus"), "from pymodbus.client import"),
    Judge("pzem004t", "pymodbus' server", "daemon", "pypi:pymodbus", "BSD-3-Clause", "Modbus RTU; registers are ours",
          ("tests/probes/test_power.py::test_a_meter_answers",), "from pymodbus.server import"),
    Judge("sdm120", "pymodbus' server", "daemon", "pypi:pymodbus", "BSD-3-Clause", "Modbus RTU; registers are ours",
          ("tests/probes/test_power.py::test_an_sdm120_answers",), "from pymodbus.server import"),
)  # fmt: skip

NETWORK = (
    Judge("switch_port", "LibreNMS, tests/snmpsim/", "strings", "github:librenms/librenms",
          "GPL-3.0-or-later; values only", "tables of ports of a Zyxel and a Cisco"),
    Judge("clock", "chronyd and chronyc", "daemon", "debian:chrony", "GPL-2", "every state of `-c tracking`",
          tuple(f"tests/probes/test_clock.py::{name}" for name in (
              "test_a_clock_with_a_time_server", "test_the_offset_is_positive_where_the_board_is_behind",
              "test_a_clock_whose_server_does_not_answer", "test_a_clock_without_any_server",
              "test_a_server_that_has_no_time_itself", "test_no_chronyd_at_all")), 'program("chronyd")'),
    *(Judge(family, "snmpsim", "daemon", "pypi:snmpsim", "BSD-2-Clause", "SNMP; what the tables hold is ours",
            tuple(f"tests/probes/test_snmp_probes.py::{name}" for name in tests),
            "snmpsim-command-responder", "tests/snmp_peer.py")
      for family, tests in (
          ("codec_mib", ("test_any_codec_says_that_it_lives_and_since_when", "test_cisco_names_its_parts",
                         "test_polycom_tells_loss_and_jitter_as_number_or_text",
                         "test_a_table_that_is_not_there_is_absent_and_the_codec_lives")),
          ("switch_port", ("test_a_port_is_found_by_either_name_or_number",
                           "test_a_port_that_is_down_and_one_that_is_not_there")))),
    Judge("dns", "dnslib's server", "daemon", "pypi:dnslib", "BSD", "questions read and replies written by others",
          (_reach("test_a_public_resolver"),), "from dnslib.server import"),
    Judge("icmp", "Linux", "daemon", "kernel", "GPL-2.0-only", "echoes on loopback and into a closed network",
          (_reach("test_echo_on_loopback"), _reach("test_unprivileged_echo_and_silence")), "127.0.0.1"),
    Judge("lldp", "lldpd and lldpcli", "daemon", "debian:lldpd", "ISC", "a neighbour at the other end of a cable",
          ("tests/probes/test_lldp.py::test_a_switch_is_named_once_it_has_said_who_it_is",), 'program("lldpcli")'),
    Judge("quality", "Linux", "daemon", "kernel", "GPL-2.0-only", "echoes and refusals on loopback",
          ("tests/probes/test_network_and_board.py::test_quality_to_loopback",
           "tests/probes/test_network_and_board.py::test_quality_over_tcp_counts_a_refusal_as_a_round_trip"),
          "127.0.0.1"),
)  # fmt: skip

ROOM = (
    Judge("mhz19", "pymhz19-async", "client", "pypi:pymhz19-async", "MIT", "our simulator: frames over a pty",
          _client("test_mhz19_by_pymhz19_async"), "from mhz19_async import"),
    Judge("linux", "pgrep, and the shell of Debian", "daemon", "debian:procps", "GPL-2.0+",
          "whether a program runs, over SSH", ("tests/probes/test_pc.py::test_linux_is_asked_through_its_real_shell",),
          "RealShell()"),
    Judge("sound", "arecord", "daemon", "debian:alsa-utils", "GPL-2", "known samples behind an ALSA device",
          ("tests/probes/test_sound.py::test_the_real_arecord",
           "tests/probes/test_sound.py::test_the_real_arecord_without_its_device",
           "tests/probes/test_sound.py::test_the_real_arecord_before_a_dead_microphone"), 'program("arecord")'),
)  # fmt: skip

JUDGES: tuple[Judge, ...] = (*CODECS, *SCREENS, *POWER, *NETWORK, *ROOM)

NONE = {
    "kernel": "files of the tests' own, as the kernel's documentation has them",
    "windows": "answers of the tests' own, as Microsoft's documentation has them",
}
"""Families that nobody else judges, and what stands in for a judge."""
