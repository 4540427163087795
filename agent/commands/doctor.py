"""`diemcau-agent doctor`: what is plugged in, what answers, what each relay would do. It looks, and moves nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from pathlib import Path

from agent.config.channel import RelayConfig
from agent.config.room import AgentConfig, ConfigError
from agent.core.facts import FACTS, NoReading, Reading
from agent.core.remedies import LOADS, REMEDIES, Method
from agent.devices.power._outlets import Rest
from agent.ports import Probe

WHY = {
    "timeout": "không trả lời / does not answer",
    "slow": "có trả lời nhưng chậm: tăng thời gian chờ / answers, but slowly: allow it more time",
    "busy": "thiết bị báo đang bận / says that it is busy: wait, or end other connections",
    "link": "mất kết nối hoặc chưa cắm / not connected or unplugged",
    "refused": "từ chối kết nối / refuses the connection",
    "denied": "sai tài khoản hoặc mật khẩu / wrong account or password",
    "full": "hết phiên đăng nhập, đăng xuất bớt hoặc khởi động lại / no session is left: log others out, or restart it",
    "garbled": "trả lời không hiểu được / the answer makes no sense",
    "absent": "thiết bị không có mục này / the device has no such thing",
    "certificate_changed": "chứng chỉ đã đổi, chưa gửi mật khẩu / its certificate changed, no password was sent",
    "host_key_changed": "khóa SSH đã đổi, chưa gửi mật khẩu / its SSH key changed, no password was sent",
    "old_tls": "chỉ có TLS cũ: đặt old_tls = true / it speaks an old TLS only: set old_tls = true",
    "failed": "thiết bị tự báo hỏng / the device says that it has failed",
    "stale": "dữ liệu cũ / its data is old",
    "warming": "mới bật, chờ ba phút / switched on lately: wait three minutes",
    "end_of_range": "hết thang đo, chỉnh lại ngoài trời / at the end of its range: calibrate it in fresh air",
    "two_answer": "hai đồng hồ cùng trả lời, mỗi cái phải một dây riêng / two answer: each needs a line of its own",
    "not_told": "chưa biết có họp mật không nên không đo / not measured: a secret meeting may be on",
    "secret_meeting": "không đo khi họp mật / not measured in a secret meeting",
    "bug": "lỗi phần mềm / our own bug: please report it",
}


RESTS = {
    Rest.DARK: "phải đặt ổ cắm tự bật lại sau khi mất điện / set it to switch on when its own power comes back",
    Rest.MOVES: "ổ cắm tự đóng cắt theo hẹn giờ của nó, phải tắt hẹn giờ / it switches by a timer of its own: switch it"
    " off (Tasmota: PulseTime 0; Shelly: auto on, auto off)",
    Rest.LOCKED: "ổ cắm bị khóa luôn bật, không cắt được: đặt PowerOnState 1 / it is locked on: set PowerOnState 1",
    Rest.UNSAID: "ổ cắm không cho biết có tự bật lại sau khi mất điện hay không: xem trong cài đặt của nó"
    " / it does not say whether it switches on when its own power comes back: look in its settings",
}
"""What to mend at an outlet, by what it does by itself."""
OUTLET_S = 3.0
CLOCK_BEFORE_S = 1_767_225_600.0
"""2026-01-01: this program is younger, so a clock that says less is wrong."""
EVERYBODY_KNOWS = (
    "  ! {}: mật khẩu mặc định của hãng, ai cũng biết, phải đổi ngay"
    " / the maker's default password, which everybody knows: change it now"
)


NO_FAULT = frozenset({"absent", "warming", "not_told", "secret_meeting"})
"""Reasons of a reading that is missing as it should be: nobody has to look at the device."""


def say(text: str = "") -> None:
    """One line for the technician."""
    sys.stdout.write(text + "\n")


def examine(path: Path) -> int:
    """Look at everything the file names. 0: all answer; 1: something does not; 2: the file cannot be used."""
    from agent.probes.build import build_probes
    from agent.settings import load

    try:
        config = load(path)
        probes, effectors = build_probes(config.probes)
    except (ConfigError, ValueError) as error:
        say(str(error))
        return 2
    say(f"Phòng / room: {config.room}   tệp / file: {path}")
    _plugged()
    silent = 0
    with ThreadPoolExecutor(max_workers=max(1, len(probes))) as pool:
        looks = [(probe, pool.submit(probe.observe)) for probe in probes]
        for probe, look in looks:
            try:
                readings: Mapping[str, Reading] = look.result(timeout=probe.deadline_s + 5)
            except TookTooLong:
                readings = dict.fromkeys(probe.keys, NoReading("timeout"))
            silent += _show(probe, readings)
            probe.close()
    _passwords(config)
    _relays(config, frozenset(name for effector in effectors for name in effector.remedies))
    _hub(config)
    say()
    if silent:
        say(f"→ {silent} mục không có số liệu / {silent} readings are missing: xem ở trên / see above")
    else:
        say("→ Mọi thứ đều trả lời / everything answers")
    return 1 if silent else 0


def _plugged() -> None:
    """What the board itself has: network ports, serial adapters, card. A short-lived command may afford psutil."""
    import psutil
    from serial.tools import list_ports

    say("\n[mạch / board]")
    for name, port in sorted(psutil.net_if_stats().items()):
        addresses = [a.address for a in psutil.net_if_addrs().get(name, []) if a.family.name == "AF_INET"]
        state = "có dây / link up" if port.isup else "không có dây / no link"
        speed = f", {port.speed} Mb/s" if port.speed else ""
        say(f"  {'●' if port.isup else '✕'} {name:10} {state}{speed}  {' '.join(addresses)}")
    adapters = list(list_ports.comports())
    for adapter in adapters:
        say(f"  ● {adapter.device:14} {adapter.description}")
    if not adapters:
        say("  ✕ không có cổng nối tiếp nào / no serial adapter is plugged in")
    if time.time() < CLOCK_BEFORE_S:
        year = time.gmtime().tm_year
        say(f"  ! đồng hồ chỉ năm {year}: kiểm tra máy chủ giờ / the clock is wrong: see timedatectl")
    card = psutil.disk_usage("/")
    say(f"  ● / {card.free / 1e9:.1f} GB trống / free ({card.percent:.0f} % đã dùng / used)")


def _number(value: float | str) -> str:
    """As many digits as a person reads."""
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _show(probe: Probe, readings: Mapping[str, Reading]) -> int:
    say(f"\n[{probe.name}]")
    silent = 0
    for key in probe.keys:
        value = readings.get(key, NoReading("timeout"))
        spec = FACTS[key]
        if isinstance(value, NoReading):
            silent += value.reason not in NO_FAULT
            say(f"  {'–' if value.reason in NO_FAULT else '✕'} {key:22} {WHY.get(value.reason, value.reason)}")
        else:
            shown = {True: "có / yes", False: "không / no"}.get(value) if isinstance(value, bool) else _number(value)
            say(f"  ● {key:22} {shown} {spec.unit}   ({spec.meaning})")
    return silent


def _passwords(config: AgentConfig) -> None:
    """Name every device whose password is the one that it came with."""
    from agent.probes.families import load

    for kind, device in (("codec", config.probes.codec), ("display", config.probes.display)):
        if device is not None and device.password in load(device.family, kind).default_passwords:
            say("\n" + EVERYBODY_KNOWS.format(kind))


def _relays(config: AgentConfig, apis: frozenset[str]) -> None:
    say("\n[rơ-le / relays]  (không thử đóng cắt / nothing was moved)")
    for relay in config.relays:
        load = config.policy(apis).loads[relay.load]
        if relay.networked:
            _outlet(relay)
            continue
        contact = "thường đóng / normally closed" if relay.contact == "nc" else "thường mở / normally open"
        does = [r.name for r in REMEDIES.values() if r.load == relay.load and r.method is not Method.API]
        cut = f", cắt / off {load.off_s:g} s" if any("cycle" in name for name in does) else ""
        cut = ", máy chiếu: không bao giờ cắt / a projector: never cut" if load.never_cut else cut
        say(f"  GPIO {relay.pin:2}  {relay.load:10} {contact}: {', '.join(does)}{cut}")
    missing = [n for n, load in LOADS.items() if load.in_call_path and n not in {r.load for r in config.relays}]
    if missing:
        say(f"  chưa đấu rơ-le / without a relay: {', '.join(missing)}")
    say(f"  lệnh qua API / orders by API: {', '.join(sorted(apis)) or '—'}")
    if config.probes.codec is not None and config.thresholds.call_draw_w == 0:
        say("  ! thresholds.call_draw_w chưa đặt: máy treo sẽ không được tự khởi động lại")
        say("    / not set: a hung codec will not be restarted, since nothing can witness that no call is under way")


def _outlet(relay: RelayConfig) -> None:
    """Whether an outlet answers, and gives power when its own comes back."""
    from agent.probes.outlet import open_outlet
    from agent.transports.errors import LinkFault

    outlet = open_outlet(relay)
    try:
        state = outlet.look(OUTLET_S)
        draw = "" if state.draw_w is None else f", {state.draw_w:g} W"
        on = "có điện / on" if state.on else "KHÔNG có điện / OFF"
        say(f"  ● {relay.family:8} {relay.load:10} {relay.uri}  {on}{draw}")
        if words := RESTS.get(outlet.rests(OUTLET_S)):
            say(f"    ! {words}")
    except LinkFault as fault:
        say(f"  ✕ {relay.family:8} {relay.load:10} {relay.uri}  {WHY.get(fault.kind, fault.kind)}")
    finally:
        outlet.close()
    if not relay.password:
        say("    ! ổ cắm chưa có mật khẩu: ai trong mạng cũng tắt được / no password: anybody in the network can cut")


def _hub(config: AgentConfig) -> None:
    say("\n[trung tâm / hub]")
    if not config.broker.host:
        say("  ✕ chưa khai báo / no broker configured: the room works by itself and reports nothing")
        return
    import socket

    try:
        with socket.create_connection((config.broker.host, config.broker.port), timeout=5):
            say(f"  ● {config.broker.host}:{config.broker.port} trả lời / answers")
    except socket.gaierror:
        say(f"  ✕ {config.broker.host}: tên này không có địa chỉ / no address is known for this name: broker.host, DNS")
    except OSError as error:
        say(f"  ✕ {config.broker.host}:{config.broker.port} {error}")
    if not config.root_key and not config.accept_unsigned:
        say("  ! commands.root_key: chưa có, phòng không nhận lệnh nào / none: the room obeys no order")
    if config.accept_unsigned:
        say("  ! commands.accept_unsigned: lệnh không ký cũng được thực hiện / unsigned orders are obeyed")
