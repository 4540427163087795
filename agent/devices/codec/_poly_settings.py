"""The settings of a Poly HDX or Group that can be asked and written with one command each.

Source: the maker's public reference manuals of the command line (VSX, HDX, RealPresence Group): `NAME get` answers
`NAME VALUE`; `NAME VALUE` writes it, some `NAME set VALUE`. Only these names are taken, since any other word might be
an order. Left out are those that restart the codec or ask whether to (`dhcp`, `lanport`, `hostname`, `ipaddress`,
`dns`, `enablesnmp`, `snmp…`), those that close our own way in (`telnetenabled`, `apiport`, `rs232`), and one that
sounds a tone when it is asked (`soundeffectsvolume`). A model that does not know one says so: then it is "absent".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from agent.core.facts import NoReading
from agent.devices.codec._baseline import Naming

PLAIN = frozenset({
    "allowabkchanges", "allowdialing", "allowmixedcalls", "allowusersetup", "autoanswer", "autoshowcontent",
    "backlightcompensation", "calldetailreport", "cameradirection", "contentauto", "daylightsavings", "displaygraphics",
    "dynamicbandwidth", "echocanceller", "enableacousticfence", "enablefirewalltraversal", "enablepvec", "encryption",
    "farcontrolnearcamera", "farnametimedisplay", "h239enable", "keypadaudioconf", "mpautoanswer", "mtumode",
    "muteautoanswer", "natconfig", "ntpmode", "primarycamera", "sleeptime", "timediffgmt", "typeofservice",
    "usefixedports", "usegatekeeper",
})  # fmt: skip
"""Written `NAME VALUE`."""
WITH_SET = frozenset({"gatekeeperip", "h323name", "maxtimeincall", "ntpserver"})
"""Written `NAME set VALUE`."""
NAMING = Naming(re.compile("[a-z0-9]+"), "autoanswer", PLAIN | WITH_SET)


def question(name: str) -> str:
    """The command that asks for a setting."""
    return f"{name} get"


def order(name: str, value: str) -> str:
    """The command that writes a setting."""
    return f"{name} set {value}" if name in WITH_SET else f"{name} {value}"


def settings_read(
    wanted: Mapping[str, str], answers: Mapping[str, tuple[str, ...] | NoReading]
) -> dict[str, str | NoReading]:
    """The wanted settings that this poll has asked for."""
    read: dict[str, str | NoReading] = {}
    for name in wanted:
        answer = answers.get(question(name))
        if isinstance(answer, tuple):
            read[name] = _value(name, answer[-1]) if answer else NoReading("garbled")
        elif answer is not None:
            read[name] = answer
    return read


def _value(name: str, line: str) -> str | NoReading:
    head, _, rest = line.strip().partition(" ")
    if head.lower() != name:
        return NoReading("garbled")
    return rest.strip().removeprefix("set ").strip().strip('"')
