"""The conformance kit: one recording, one session, and everything that can go wrong with the bytes between them.

A recording is a transcript: `>>> command` and below it what the device answers, up to the next `>>>`. `(open)` is what
it says by itself, `(empty)` the answer to an empty line. A line ending with a backslash has no line end (a prompt).
`$ID` stands for the resultId of the question, or for its `id` in JSON-RPC, whose questions are written
`xGet Status/Call`. Header lines begin with `# `: `login USER PASSWORD`, `expect FACT = VALUE`, `calls QUESTION` (how a
question about calls begins; one line each), `event` (something unasked that agrees with this recording's facts),
`call-event` (something unasked that tells of a call; `none` where the device says nothing unasked), `rebooted` (what a
line shows when the device restarts),
`unknown ANSWER` (to a question that is not in the recording), `echo lfcr`; what begins with a capital letter is
a remark. Displays and cameras also have `wanted INPUT`, `number N` (their own), `refuses REMEDY`, `end cr` (lines end
so), and `hex`: questions and answers are bytes, an empty line ends one answer of several. Every recording says where
its strings come from: `origin KIND: SOURCE`, with one of `ORIGINS`.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agent.core.facts import NoReading, Reading
from agent.devices.base import Event, Facts, Login, Ready, Session, Silent
from agent.probes.families import load as load_family

RECORDINGS = Path(__file__).parent / "recordings"
WANTED = {
    "cisco_xapi": {"Audio DefaultVolume": "70"},
    "cisco_ws": {"Audio DefaultVolume": "70"},
    "cisco_http": {"Audio DefaultVolume": "70"},
    "poly_cli": {"autoanswer": "yes"},
    "yealink_vc": {"donotdisturb global": "off"},
    "poly_videoos": {"comm.callpreference.h239enable": "true"},
    "huawei_te": {"enabletelnet": "0"},
}
"""A setting that every recording of the family has otherwise."""
OF_FOREIGN_STRINGS = {"nut", "shelly", "switch_port", "tasmota"}
"""Folders whose recordings are played by no session: `tests/devices/test_foreign_strings.py` reads them."""
ORIGINS = ("transcript", "driver", "paper", "invented")
"""Taken from a device; strings of a public driver or client; of the maker's paper; or made up, which proves nothing."""
NOTHING = "none"
"""`call-event` of a device that tells nothing unasked."""
TURNS_MAX = 400
"""A conversation that takes more turns than this hangs."""

RESULT_ID = re.compile(r' \| resultId="([^"]*)"')
Channel = Callable[[bytes], bytes]
"""What the line does to what the device sends."""


def unescaped(text: str) -> bytes:
    """Header text to bytes: `\\n` is a line end, a final backslash says that none follows."""
    text = text.replace("\\n", "\r\n")
    return (text[:-1] if text.endswith("\\") else text + "\r\n").encode()


@dataclass
class Recording:
    """A parsed transcript."""

    family: str
    name: str
    origin: str = ""
    """One of `ORIGINS`."""
    login: Login = field(default_factory=Login)
    expected: dict[str, Reading] = field(default_factory=dict)
    answers: dict[str, bytes] = field(default_factory=dict)
    event: bytes = b""
    call_event: bytes = b""
    says_whether_unasked: bool = False
    """Whether it has the header `call-event` at all."""
    rebooted: bytes = b""
    echo: bool = False
    wanted: str = ""
    number: int = 1
    refuses: tuple[str, ...] = ()
    end: bytes = b"\r\n"
    hex: bool = False
    calls: tuple[str, ...] = ()
    unknown: bytes = b"Command not recognized.\r\n"

    @property
    def in_call(self) -> bool:
        """Whether the recorded device is in a call."""
        return self.expected["codec.in_call"] is True


def by_name(recording: Recording) -> str:
    """What a test that is given the recording is called by."""
    return f"{recording.family}/{recording.name}"


def _header(recording: Recording, word: str, rest: str) -> None:
    """Take a header. Raises ValueError with one sentence that names the recording and the mend."""
    place = f"{recording.family}/{recording.name}.txt"
    try:
        known = _taken(recording, word, rest)
    except (ValueError, KeyError) as error:
        raise ValueError(f"{place}: `# {word} {rest}` cannot be read ({error}): kit.py says its form") from error
    if not known and not word[:1].isupper():
        raise ValueError(f"{place}: the header {word!r} is not known: tests/devices/kit.py has those that are")


def _taken(recording: Recording, word: str, rest: str) -> bool:
    """Whether the header is one of the kit's."""
    if word == "origin":
        recording.origin, _, source = rest.partition(": ")
        if recording.origin not in ORIGINS or not source:
            raise ValueError(f"it begins with one of {', '.join(ORIGINS)}, and names the source after a colon")
    elif word == "login":
        user, password = ("" if part == "-" else part for part in rest.split())
        recording.login = Login(user, password)
    elif word == "expect":
        key, _, value = rest.partition(" = ")
        recording.expected[key] = NoReading("absent") if value == "absent" else json.loads(value)
    elif word == "event":
        recording.event = unescaped(rest)
    elif word == "call-event":
        recording.call_event = unescaped(rest) if rest != NOTHING else b""
        recording.says_whether_unasked = True
    elif word == "rebooted":
        recording.rebooted = unescaped(rest)
    elif word == "echo":
        recording.echo = True
    elif word == "wanted":
        recording.wanted = rest
    elif word == "number":
        recording.number = int(rest)
    elif word == "refuses":
        recording.refuses += (rest,)
    elif word == "end":
        recording.end = {"cr": b"\r", "lf": b"\n"}[rest]
    elif word == "hex":
        recording.hex = True
    elif word == "calls":
        recording.calls += (rest,)
    elif word == "unknown":
        recording.unknown = unescaped(rest)
    else:
        return False
    return True


def load(path: Path) -> Recording:
    """A recording from its file."""
    recording = Recording(path.parent.name, path.stem)
    head, *blocks = path.read_text().split(">>> ")
    for line in head.splitlines():
        word, _, rest = line.removeprefix("# ").partition(" ")
        _header(recording, word, rest)
    if not recording.origin:
        place = f"{recording.family}/{recording.name}.txt"
        raise ValueError(f"{place}: say where its strings come from: `# origin {'|'.join(ORIGINS)}: SOURCE`")
    for block in blocks:
        command, _, lines = block.partition("\n")
        if recording.hex:
            recording.answers[command] = bytes.fromhex(lines)
            continue
        recording.answers[command] = b"".join(
            line[:-1].encode() if line.endswith("\\") else line.encode() + recording.end for line in lines.splitlines()
        )
    return recording


def recordings(family: str = "*") -> list[Recording]:
    """All recordings of a codec family, or of all; web interfaces are in `tests.devices.webkit`."""
    return [recording for recording in _with("codec.in_call", family) if not load_family(recording.family).is_web]


def screens(kind: str, family: str = "*") -> list[Recording]:
    """All recordings of displays or of cameras."""
    return _with(f"{kind}.api", family)


def _with(fact: str, family: str) -> list[Recording]:
    paths = [path for path in sorted(RECORDINGS.glob(f"{family}/*.txt")) if f"# expect {fact} " in path.read_text()]
    return [load(path) for path in paths]


class Player:
    """Plays a recording: bytes the session sent in, the device's bytes out."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.heard: list[str] = []
        self._rest = ""

    def opened(self) -> bytes:
        """What the device says by itself."""
        return self.recording.answers.get("(open)", b"")

    def feed(self, data: bytes) -> bytes:
        """The answers to what was sent."""
        if self.recording.hex:
            asked = data.hex(" ").upper()
            self.heard.append(asked)
            return self.recording.answers.get(asked, b"")
        self._rest += data.decode()
        *lines, self._rest = re.split(r"[\r\n]", self._rest)
        return b"".join(self._answer(line) for line in lines)

    def _answer(self, line: str) -> bytes:
        command, number = _rpc(line) if line.startswith('{"jsonrpc"') else (RESULT_ID.sub("", line) or "(empty)", "")
        self.heard.append(command)
        match = RESULT_ID.search(line)
        answer = self.recording.answers.get(command, self.recording.unknown if command != "(empty)" else b"")
        answer = answer.replace(b"$ID", match[1].encode() if match else number.encode())
        return (f"{command}\n\r".encode() if self.recording.echo else b"") + answer


class OneByte:
    """Strikes what the device sends at one place: a byte lost (`noise` None), or noise added. At -1 it only listens."""

    def __init__(self, place: int = -1, noise: bytes | None = None) -> None:
        self.said = b""
        self._place = place
        self._noise = noise

    def strike(self, sent: bytes) -> bytes:
        """The channel of a Conversation."""
        at = self._place - len(self.said)
        self.said += sent
        if not 0 <= at < len(sent):
            return sent
        return sent[:at] + (sent[at + 1 :] if self._noise is None else self._noise + sent[at:])


def _rpc(line: str) -> tuple[str, str]:
    """A JSON-RPC question as recordings write it, and its id."""
    message = json.loads(line)
    path = message["params"].get("Path") or message["params"].get("Query") or []
    return " ".join([message["method"], "/".join(path)]).strip(), str(message["id"])


def ends(data: bytes) -> set[int]:
    """Places of line ends, and of the bytes beside them: where a half may be taken for a whole."""
    beside = {at + by for at, byte in enumerate(data) if byte in b"\r\n" for by in (-1, 0, 1)}
    return {at for at in beside if 0 <= at < len(data)}


def one_of_each(of: Sequence[Recording]) -> list[Recording]:
    """The first recording of each family, and where there is one, its first in a call."""
    found: dict[tuple[str, bool], Recording] = {}
    for recording in of:
        found.setdefault((recording.family, recording.expected.get("codec.in_call") is True), recording)
    return list(found.values())


def untouched(data: bytes) -> bytes:
    """A perfect line."""
    return data


@dataclass
class Conversation:
    """A session and a player joined; time is turns."""

    session: Session
    player: Player
    channel: Channel = untouched
    chunk: int = 0
    """Bytes delivered at once; 0 = all."""
    events: list[Event] = field(default_factory=list)
    buffered_max: int = 0
    _wire: bytes = b""
    _over: bool = False

    def start(self) -> None:
        """Open the line and log in."""
        self.session.open()
        self._wire += self.channel(self.player.opened())
        self.run(lambda event: isinstance(event, Ready))

    def poll(self) -> dict[str, Reading]:
        """One poll; what it gave, empty when the conversation ended without facts."""
        return self._polled(self.session.poll)

    def poll_call(self) -> dict[str, Reading]:
        """The same of the call alone."""
        return self._polled(self.session.poll_call)

    def give_way(self, asked: int, *, answered: bool = False) -> dict[str, Reading]:
        """A poll that gives way when so many questions have left; `answered`: the last of them was answered, too."""
        self.session.poll()
        for number in range(asked):
            self._wire += self.channel(self.player.feed(self.session.output()))
            if answered or number + 1 < asked:
                self._deliver(lambda _: False)
        return dict(self.session.give_way())

    def _polled(self, ask: Callable[[], None]) -> dict[str, Reading]:
        if not self.session.ready:
            return {}
        before = len(self.events)
        ask()
        self.run(lambda event: isinstance(event, Facts))
        facts = [event for event in self.events[before:] if isinstance(event, Facts)]
        return dict(facts[-1].readings) if facts else {}

    def run(self, wanted: Callable[[Event], bool]) -> None:
        """Turn after turn until the wanted event, or until the session gives up."""
        for _ in range(TURNS_MAX):
            if self._over:
                return
            if out := self.session.output():
                self._wire += self.channel(self.player.feed(out))
            if self._deliver(wanted):
                return
        raise AssertionError("the session neither went on nor gave up")

    def _deliver(self, wanted: Callable[[Event], bool]) -> bool:
        data, self._wire = self._wire, b""
        size = self.chunk or max(1, len(data))
        new: list[Event] = []
        for at in range(0, len(data), size):
            new += self.session.receive(data[at : at + size])
            self.buffered_max = max(self.buffered_max, self.session.buffered)
        if not data:
            new += self.session.silence()
        self.events += new
        self._over = any(isinstance(event, Silent) or type(event).__name__.startswith("Login") for event in new)
        return any(wanted(event) for event in new)


Ask = Callable[[Conversation], dict[str, Reading]]
ASKS: tuple[Ask, ...] = (Conversation.poll, Conversation.poll_call)
"""A whole poll, and one that asks about calls only: neither may ever deny one."""


def fresh(recording: Recording) -> Session:
    """A new session of the recording's codec."""
    session = importlib.import_module(f"agent.devices.codec.{recording.family}").session(recording.login, "t")
    assert isinstance(session, Session)
    return session


def conversation(recording: Recording, channel: Channel = untouched, chunk: int = 0) -> Conversation:
    """A new session joined to its recording."""
    talk = Conversation(fresh(recording), Player(recording), channel, chunk)
    talk.session.wanted = WANTED.get(recording.family, {})
    return talk


def two_polls(talk: Conversation) -> dict[str, Reading]:
    """The second poll: a codec that says "not recognized" is believed only the second time."""
    talk.start()
    talk.poll()
    return talk.poll()
