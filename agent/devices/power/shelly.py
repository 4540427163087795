"""Shelly smart plugs and relays of the second generation and later, over their RPC on HTTP.

Source: device facts, "Power", and the maker's public description of the component *Switch*: `Switch.Set` takes `on` and
`toggle_after`, `Switch.GetStatus` answers `output`, `apower` (W), `voltage` (V), `freq` (Hz), and `timer_duration`
while a flip-back is still to come; `Switch.GetConfig` answers `initial_state`, and `auto_on` and `auto_off`, timers
that run after every move; an RPC that is not taken answers with a status from 400 on and `code`/`message`. The account
is `admin`, by Digest with SHA-256; without a password everybody in the network may switch it. From firmware 2.0 on a
device to which old or wrong proofs were shown answers 429 (`Too many failed authentication attempts`) and goes on with
it while they come (home-assistant/core#177257): it is busy, and the client forgets the nonce that it had of it.

A draw below zero is that of a device whose two sides are swapped: a load gives nothing back.

Unverified [M]: whether `Switch.Set` without `toggle_after` ends a flip-back that is still to come. Nothing here counts
on it: after such an order the outlet is looked at again when the flip-back would have come.
"""

from __future__ import annotations

from agent.core.exchange import HttpReply, HttpRequest
from agent.core.facts import NoReading
from agent.devices.about import About, Tested
from agent.devices.power._outlets import OutletState, Rest, fed, magnitude, real

FAMILY = "shelly"
PORT = 80
NUMBERS = range(16)
GIVES_BACK = True
ABOUT = About(
    "Shelly plugs and relays, Gen2 and later (Plus, Pro, Gen3, Gen4)",
    (
        Tested(
            "HTTP 80 (RPC, Digest)",
            "PyPI ShellyPy judges our simulator; dumps of Gen3 and Gen4",
            "tests/sim/test_public_clients.py",
        ),
    ),
    facts=("ROLE.draw_w", "mains.voltage_v", "mains.frequency_hz"),
    orders=("on, off, and a cycle that it ends by itself (`toggle_after`)",),
    unseen="every device; whether an order ends a flip-back that is still to come (it is looked at again)",
)


class Shelly:
    """One switch of a device; `number` from 0. Name and password are HTTP's own, the transport's."""

    asking_ends_a_cut = False

    def __init__(self, number: int, user: str = "", password: str = "") -> None:
        del user, password
        self._id = number

    def look(self) -> tuple[HttpRequest, ...]:
        return (HttpRequest("GET", f"/rpc/Switch.GetStatus?id={self._id}"),)

    def give(self) -> HttpRequest:
        return HttpRequest("GET", f"/rpc/Switch.Set?id={self._id}&on=true")

    def cut(self, give_back_s: float | None) -> HttpRequest:
        flip = "" if give_back_s is None else f"&toggle_after={give_back_s:g}"
        return HttpRequest("GET", f"/rpc/Switch.Set?id={self._id}&on=false{flip}")

    def state(self, replies: tuple[HttpReply, ...]) -> OutletState | NoReading:
        if reason := self.refusal(replies[0]):
            return NoReading(reason)
        said = replies[0].json()
        if not isinstance(said.get("output"), bool):
            return NoReading("garbled")
        return OutletState(
            said["output"],
            magnitude(real(said.get("apower"))),
            fed(said.get("voltage")),
            fed(said.get("freq")),
            timer_s=real(said.get("timer_duration")),
        )

    def refusal(self, reply: HttpReply) -> str:
        if reply.is_busy:
            return "busy"
        try:
            said = reply.json()
        except ValueError:
            return "garbled"
        if not isinstance(said, dict):
            return "garbled"
        # 404 also stands for a switch that the device does not have.
        return "" if reply.status == 200 else "refused"

    def rest(self) -> tuple[HttpRequest, ...]:
        return (HttpRequest("GET", f"/rpc/Switch.GetConfig?id={self._id}"),)

    def rests(self, replies: tuple[HttpReply, ...]) -> Rest:
        if self.refusal(replies[0]):
            return Rest.UNSAID
        said = replies[0].json()
        if not isinstance(said.get("initial_state"), str):
            return Rest.UNSAID
        if said.get("auto_off") is True or said.get("auto_on") is True:
            return Rest.MOVES
        return Rest.ON if said["initial_state"] == "on" else Rest.DARK
