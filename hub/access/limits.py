"""Slows guessing of passwords without letting a guesser shut anybody out.

Failures are counted for a name from an address, for an address, and for a name from wherever. A browser from which the
account has signed in before carries a token; its failures are counted for itself alone, and what others do to the name
or from the address does not touch it (OWASP's "device cookies"). Waits end by themselves.
"""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace

FREE_TRIES = {"pair": 5, "device": 5, "own": 5, "address": 30, "oidc": 30, "name": 50}
"""Failures without a wait, by what is counted; `own`: of someone signed in, on the page of the account; `oidc`: of who
comes back from the provider, apart from passwords.

A name is guessed at from many addresses before it waits: until then each address has waited by itself."""
_WAIT_FIRST_S = 30.0
_WAIT_MAX_S = 900.0
_FORGET_S = 6 * 3600.0
"""After so long without a failure counting begins anew."""
_REMEMBERED_MAX = 4096


def keys(name: str, address: str, device: str) -> tuple[str, ...]:
    """What a try counts for. `device`: hash of the browser's token, if it is one that this account knows."""
    if device:
        return (f"device:{device}",)
    place = network(address)
    return (f"pair:{name[:64]} {place}", f"address:{place}", f"name:{name[:64]}")


def oidc_keys(address: str, device: str) -> tuple[str, ...]:
    """What coming back from the provider counts for: whose name it was is not known.

    `device`: hash of the browser's token, if anybody has signed in there before.
    """
    return (f"device:{device}",) if device else (f"oidc:{network(address)}",)


def is_vouched(keys: tuple[str, ...]) -> bool:
    """Whether the browser itself stands for whoever tries: this account has signed in there before."""
    return any(key.startswith("device:") for key in keys)


def network(address: str) -> str:
    """The address; of IPv6 the /64, which one host has for itself."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)


def is_somebody(address: str) -> bool:
    """Whether an address tells one visitor from another: this machine's own is that of a proxy."""
    try:
        return not ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class _Failures:
    count: int
    until_s: float
    """No try before this moment; 0: at once."""
    last_s: float

    def as_of(self, now_s: float) -> _Failures:
        """The same when the clock was set back since: who waits, waits as long as from the failure on."""
        back_s = self.last_s - now_s
        return replace(self, until_s=self.until_s - back_s, last_s=now_s) if back_s > 0 else self


class LoginLimiter:
    """Each failure beyond the free ones makes its key wait twice as long as the last, at most 15 min.

    Bounded: at most `_REMEMBERED_MAX` keys, the least recent is forgotten first.
    """

    def __init__(self) -> None:
        self._failures: OrderedDict[str, _Failures] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, keys: tuple[str, ...], now_s: float) -> float:
        """Seconds until the next try is allowed; 0 when it is allowed now."""
        with self._lock:
            known = [key for key in keys if key in self._failures]
            self._failures.update({key: self._failures[key].as_of(now_s) for key in known})
            return max([0.0, *(self._failures[key].until_s - now_s for key in known)])

    def failed(self, keys: tuple[str, ...], now_s: float) -> None:
        """Note one failure."""
        with self._lock:
            for key in keys:
                before = self._failures.pop(key, None)
                before = before and before.as_of(now_s)
                count = 1 + (before.count if before and now_s - before.last_s < _FORGET_S else 0)
                over = count - FREE_TRIES[key.partition(":")[0]]
                until_s = now_s + min(_WAIT_MAX_S, _WAIT_FIRST_S * 2 ** min(over, 10)) if over >= 0 else 0.0
                self._failures[key] = _Failures(count, until_s, now_s)
            while len(self._failures) > _REMEMBERED_MAX:
                self._failures.popitem(last=False)

    def succeeded(self, keys: tuple[str, ...]) -> None:
        """Forget the failures of this name from here, or of this device. What others did still counts for them."""
        with self._lock:
            for key in keys:
                if key.startswith(("pair:", "device:", "own:")):
                    self._failures.pop(key, None)


PACE_BURST = 120
PACE_PER_S = 2.0
"""A system that reads a whole province of 621 rooms once a minute needs a tenth of it."""


class Pace:
    """How many requests one caller may make: a burst at once, then so many a second.

    Bounded: at most `_REMEMBERED_MAX` callers, the least recent is forgotten first.
    """

    def __init__(self, burst: float = PACE_BURST, per_s: float = PACE_PER_S) -> None:
        self._burst, self._per_s = burst, per_s
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, key: str, now_s: float) -> float:
        """Take one request; 0 when it may be served, else the seconds until the next one may."""
        with self._lock:
            left, at_s = self._left.pop(key, (self._burst, now_s))
            left = min(self._burst, left + max(0.0, now_s - at_s) * self._per_s)
            served = left >= 1
            self._left[key] = (left - 1 if served else left, now_s)
            while len(self._left) > _REMEMBERED_MAX:
                self._left.popitem(last=False)
        return 0.0 if served else (1 - left) / self._per_s
