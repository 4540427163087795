"""What a device's file says of itself, for `docs/devices.md`: the row is written beside the code that it describes.

Every file of `agent/devices/*/` whose name does not begin with `_` has an `ABOUT`; a test looks. Facts and orders of a
codec are taken from its `KEYS` and `REMEDIES`, so that the table cannot promise more than the code does.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tested:
    """One way to reach the device, and who says that we do it right."""

    line: str
    """The transport as a technician names it: `TCP 23`, `serial 115200`, `SSH 22`, `HTTPS`."""
    against: str
    """A real program or device, a public client that judged our simulator, or only `recordings`."""
    test: str
    """The test's file from the root: it must be there."""


@dataclass(frozen=True, slots=True)
class About:
    """One row of the table of devices."""

    title: str
    """What the technician reads on the device: makers and models."""
    tested: tuple[Tested, ...]
    facts: tuple[str, ...] = ()
    """Facts it reports; `ROLE.draw_w` where the settings choose the first word."""
    orders: tuple[str, ...] = ()
    """Remedies, or in words what it can be told, e.g. `on and off`."""
    unseen: str = ""
    """What has not been seen on hardware; one sentence without its dot, empty when nothing is in doubt."""
