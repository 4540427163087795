"""`diemcau demo` and `diemcau-sim`: a whole province for showing, one room's hardware for developing and training."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from sim import scenario
from sim.asked import DemoOptions, mistake
from sim.control import ControlError, ask
from sim.demo import perform
from sim.faults import FAULTS
from sim.kinds import KINDS, RoomPlan
from sim.pins import ENV
from sim.rack import Rack
from wire.streams import spoken

HOME = Path("diemcau-sim")
"""Where one room's hardware puts its sockets and lines, below the working directory."""


class _Brief(argparse.ArgumentParser):
    """Says what is wrong with a command line, a line a language, and not again all that it knows."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"Lệnh chưa đúng, xem {self.prog} --help\n{self.prog}: {message}\n")


def demo_parser() -> argparse.ArgumentParser:
    """The command line of `diemcau`, also for the documentation."""
    parser = _Brief(prog="diemcau", description="Điểm Cầu: trình diễn / demonstration")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="cả tỉnh mô phỏng trên máy này / a simulated province on this machine")
    demo.add_argument("--headless", action="store_true", help="không mời mở trang / do not invite to open the console")
    demo.add_argument("--for", dest="for_s", type=_seconds, default=0.0, metavar="S", help="end after S seconds")
    demo.add_argument("--json", dest="json_file", type=Path, metavar="FILE", help="write what was measured to FILE")
    demo.add_argument(
        "--port", type=int, default=8080, help="cổng của trang / the console's port, 0: a free one (8080)"
    )
    demo.add_argument("--rooms", type=int, default=621, help="số phòng / how many rooms (621)")
    demo.add_argument("--data", type=Path, help="thư mục dữ liệu / keep the data here (default: thrown away)")
    demo.add_argument("--seed", type=int, default=1, help="chọn phòng khác / other rooms are struck")
    demo.add_argument("--scenario", default="morning", help=f"one of {', '.join(scenario.names())}, or a file")
    demo.add_argument("--real", type=int, default=6, help="phòng có bộ giám sát thật / rooms with real agents, 0 to 6")
    return parser


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 <= value <= 7 * 86400:
        raise argparse.ArgumentTypeError("must be 1 to 604800 seconds")
    return value


def diemcau(argv: Sequence[str] | None = None) -> int:
    """Entry point of `diemcau`."""
    return spoken(_diemcau, argv)


def _diemcau(argv: Sequence[str] | None) -> int:
    options = vars(demo_parser().parse_args(argv))
    options.pop("command")
    if options["headless"] and not options["for_s"]:
        options["for_s"] = 90.0
    asked = DemoOptions(**options)
    if wrong := mistake(asked):
        sys.stderr.write("".join(f"{line}\n" for line in wrong))
        return 2
    return perform(asked)


def parser() -> argparse.ArgumentParser:
    """The command line of `diemcau-sim`, also for the documentation."""
    made = argparse.ArgumentParser(prog="diemcau-sim", description="Phòng mô phỏng / simulated rooms")
    commands = made.add_subparsers(dest="command", required=True)
    room = commands.add_parser("room", help="phần cứng của một phòng / the hardware of one room, until ended")
    room.add_argument("--name", default="phong-1", help="mã phòng / the room's id")
    room.add_argument("--kind", choices=KINDS, default=KINDS[0])
    room.add_argument("--scale", type=float, default=1.0, help="0.1: mọi thời gian rút còn một phần mười / time scale")
    room.add_argument("--folder", type=Path, default=HOME)
    room.add_argument("--broker-port", type=int, default=0, help="for the room.toml it writes; 0: none")
    for name, text in (("inject", "gây sự cố / put a fault into a room"), ("lift", "gỡ sự cố / take a cause away")):
        order = commands.add_parser(name, help=text)
        order.add_argument("room")
        order.add_argument("fault", choices=sorted(FAULTS))
        order.add_argument("--folder", type=Path, default=HOME)
        if name == "inject":
            order.add_argument("--lasts", type=float, default=0.0, metavar="S", help="its cause ends after S seconds")
    commands.add_parser("faults", help="các loại sự cố / the faults there are")
    check = commands.add_parser("check", help="kiểm tra kịch bản / check a scenario file")
    check.add_argument("file")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of `diemcau-sim`."""
    return spoken(_main, argv)


def _main(argv: Sequence[str] | None) -> int:
    arguments = parser().parse_args(argv)
    try:
        match arguments.command:
            case "room":
                return _room(arguments)
            case "faults":
                for kind in FAULTS.values():
                    sys.stdout.write(f"{kind.name:20} {kind.scope:8} {kind.expect:10} {kind.when:7} {kind.title}\n")
            case "check":
                scenario.load(arguments.file)
                sys.stdout.write(f"{arguments.file}: hợp lệ / is good\n")
            case order:
                lasts = {"lasts_s": arguments.lasts} if order == "inject" else {}
                control = arguments.folder / "control"
                said = ask(control, do=order, rooms=[arguments.room], fault=arguments.fault, **lasts)
                if any(entry["expect"] == "unseen" for entry in said.get("entries", ())):
                    sys.stdout.write(
                        "Phòng này không tự phát hiện được sự cố này / no rule can find this fault in this room\n"
                    )
    except (ControlError, scenario.ScenarioError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _room(arguments: argparse.Namespace) -> int:
    folder: Path = arguments.folder.absolute()
    rack = Rack([RoomPlan(arguments.name, arguments.kind, arguments.scale)], folder, folder / "control")
    hardware = rack.rooms[0]

    def ready() -> None:
        config = hardware.write_config(arguments.broker_port)
        sys.stdout.write(
            f"Phòng {arguments.name} ({arguments.kind}) tại {hardware.folder}\n"
            + "".join(f"  {line}\n" for line in hardware.describe())
            + f"Chạy bộ giám sát / run the agent:\n"
            f"  GPIOZERO_PIN_FACTORY=diemcau_sim {ENV}={hardware.pins_socket} diemcau-agent run --config {config}\n"
            f"Gây sự cố / put a fault in:\n"
            f"  diemcau-sim inject {arguments.name} codec_hang_soft --folder {folder}\n"
            "Nhấn Ctrl-C để kết thúc / press Ctrl-C to end\n"
        )
        sys.stdout.flush()

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await rack.run(ready, stop)

    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
