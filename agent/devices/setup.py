"""What a room's settings tell a display's or a camera's session."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.devices.base import Login


@dataclass(frozen=True, slots=True)
class Setup:
    """Given to `session(setup, nonce)` of a family."""

    login: Login = field(default_factory=Login)
    number: int = 1
    """The device's own number on its line, where the family has one."""
    input: str = ""
    """The input a display has to show, in the family's own words; empty: any."""
