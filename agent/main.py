"""`diemcau-agent`: run in a room, check a configuration, or tell what is plugged in. Heavy parts are imported late."""

from __future__ import annotations

import argparse
import contextlib
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from agent import __version__
from wire.streams import spoken

DEFAULT_CONFIG = Path("/etc/diemcau/room.toml")


def parser() -> argparse.ArgumentParser:
    """The command line, also for the documentation."""
    made = argparse.ArgumentParser(prog="diemcau-agent", description="Bộ giám sát tại phòng / the agent of one room")
    made.add_argument("--version", action="version", version=__version__)
    commands = made.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="chạy bộ giám sát / watch and heal this room until ended")
    run.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help=f"default: {DEFAULT_CONFIG}")
    run.add_argument("--verbose", action="store_true", help="log more")
    check = commands.add_parser("check-config", help="kiểm tra tệp cấu hình / check a room.toml and start nothing")
    check.add_argument("file", type=Path)
    check.add_argument(
        "--files", action="store_true",
        help="xét cả chứng chỉ và khóa / the certificates, too, that it names: there, fitting, in time",
    )  # fmt: skip
    doctor = commands.add_parser(
        "doctor", help="xem thiết bị nào trả lời / what is plugged in and answers; moves nothing"
    )
    probe = commands.add_parser(
        "probe", help="dò thiết bị ở một địa chỉ hay cổng / which device answers there, and its settings; moves nothing"
    )
    probe.add_argument("target", help="HOST, HOST:PORT, or a serial line: /dev/serial/by-path/…")
    probe.add_argument("--family", default="", help="only this family; name and password are sent to it alone")
    probe.add_argument("--user", default="", help="its account; with --family")
    probe.add_argument("--password-file", type=Path, help="its password; with --family")
    hold = commands.add_parser(
        "hold", help="giữ yên thiết bị khi đang làm việc / nothing is restarted while you work at the equipment"
    )
    hold.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help=f"default: {DEFAULT_CONFIG}")
    hold.add_argument("--minutes", type=float, default=30.0, help="how long, at most 120; default: 30")
    release = commands.add_parser("release", help="thôi giữ / end the hold before its time")
    release.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help=f"default: {DEFAULT_CONFIG}")
    doctor.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help=f"default: {DEFAULT_CONFIG}")
    rescue = commands.add_parser(
        "rescue", help="cấp lại nguồn bị ngắt dở / give power back where a cycle was cut short; the service does it"
    )
    enrol = commands.add_parser(
        "enrol", help="xin vào một phòng bằng mã / ask the hub for a room: shows a code, and waits for the answer"
    )
    enrol.add_argument("--hub", required=True, help="address of the console, https://…")
    enrol.add_argument("--ca", type=Path, help="who signed the console's certificate; default: the system's list")
    enrol.add_argument("--dir", type=Path, default=DEFAULT_CONFIG.parent, help=f"default: {DEFAULT_CONFIG.parent}")
    enrol.add_argument("--minutes", type=float, default=0.0, help="give up after so long; default: never")
    rescue.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help=f"default: {DEFAULT_CONFIG}")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point. 0: ended as asked; 1: failed; 2: the configuration cannot be used; 3: another one runs already."""
    return spoken(_main, argv)


def _main(argv: Sequence[str] | None) -> int:
    arguments = parser().parse_args(argv)
    if arguments.command == "check-config":
        return _check(arguments.file, files=arguments.files)
    if arguments.command in ("hold", "release"):
        return _hold(arguments.config, arguments.minutes if arguments.command == "hold" else 0.0)
    if arguments.command == "enrol":
        return _enrol(arguments)
    if arguments.command == "probe":
        return _probe(arguments)
    if arguments.command == "doctor":
        from agent.commands.doctor import examine

        return examine(arguments.config)
    logging.basicConfig(
        level=logging.DEBUG if getattr(arguments, "verbose", False) else logging.INFO,
        format="%(levelname)s %(name)s: %(message)s",
    )
    if arguments.command == "rescue":
        from agent.power import rescue

        rescue.power_up(arguments.config)
        return 0
    return _run(arguments.config)


def _probe(arguments: argparse.Namespace) -> int:
    from agent.commands.probe import Account, scan

    try:
        secret = arguments.password_file.read_text("utf-8-sig").strip() if arguments.password_file else ""
    except (OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"--password-file {arguments.password_file}: không đọc được / cannot be read: {error}\n")
        return 2
    if arguments.password_file and not secret:
        sys.stderr.write(f"--password-file {arguments.password_file}: trống / is empty\n")
        return 2
    if (secret or arguments.user) and not arguments.family:
        sys.stderr.write("--user, --password-file: thêm --family / name the family that they are for: --family\n")
        return 2
    return scan(arguments.target, Account(arguments.family, arguments.user, secret))


def _check(path: Path, *, files: bool) -> int:
    from agent.config.room import ConfigError
    from agent.config.secrets import refuse, with_secrets
    from agent.settings import validate
    from wire.own_certificate import problems

    try:
        settings = validate(path)
        with_secrets(settings, empty=refuse)
        to = settings.broker
        if files and (found := problems(to.ca_file, to.cert_file, to.key_file, settings.room)):
            raise ConfigError(found)
    except ConfigError as error:
        for problem in error.problems:
            sys.stderr.write(problem + "\n")
        return 2
    sys.stdout.write(f"{path}: hợp lệ / is good\n")
    return 0


def _hold(path: Path, minutes: float) -> int:
    """Begin a hold of so many minutes, or end it with 0."""
    from agent.config.room import ConfigError
    from agent.probes import attended
    from agent.settings import load
    from agent.transports.clock import boot_id

    try:
        folder = Path(load(path).state_dir)
        if minutes:
            attended.hold(folder, boot_id(), minutes)
            said = f"giữ yên {minutes:g} phút / nothing is restarted for {minutes:g} minutes"
        else:
            attended.release(folder)
            said = "đã thôi giữ / the hold has ended"
    except ConfigError as error:
        said = "\n".join(error.problems)
    except (OSError, ValueError) as error:
        said = str(error)
    else:
        sys.stdout.write(said + "\n")
        return 0
    sys.stderr.write(said + "\n")
    return 2


def _enrol(given: argparse.Namespace) -> int:
    from agent.commands.enrol import EnrolError, enrol

    try:
        room = enrol(given.hub, given.dir, given.ca, patience_s=given.minutes * 60 if given.minutes else float("inf"))
    except (EnrolError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{room}: {given.dir / 'pki' / 'room.crt'}\n")
    return 0


def _run(path: Path) -> int:
    from agent.power import rescue

    rescue.power_up(path)  # before anything that takes long, or that a mistake in the file can stop

    from wire import lock

    try:
        # Before the configuration is read, which may take half a minute. Its usual folder is the service's to make.
        folder = rescue.state_dir(path)
        held = lock.hold(folder, make=folder != Path(rescue.STATE_DIR))
    except lock.TakenError as error:
        sys.stderr.write(f"{error}\n")
        return lock.TAKEN
    with contextlib.closing(held):
        return _care(path)


def _care(path: Path) -> int:
    """Watch and heal this room until ended."""
    from agent.config.room import ConfigError
    from agent.ports import RelayError
    from agent.runtime.service import Service
    from agent.settings import load

    log = logging.getLogger("agent")
    try:
        service = Service(load(path))
    except ConfigError as error:
        for problem in error.problems:
            log.error("%s", problem)
        return 2
    except RelayError as error:
        log.error("%s", error)
        return 1

    def end(_number: int, _frame: object) -> None:
        service.stop()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    service.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
