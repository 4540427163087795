"""A codec's settings, by the names of several makers: as they are in a room that is well, and changed by somebody.

They outlive every restart. One codec speaks one of the tongues: what was changed in all of them is mended as soon as it
is right again in one.
"""

from __future__ import annotations

from typing import Any

Tree = dict[str, Any]
Named = dict[str, str | int | bool]

DEFAULT_VOLUME, QUIET = "70", "15"
"""The loudness that a Cisco codec starts with, and what somebody made of it."""
CHANGED: Named = {
    "autoanswer": "yes", "comm.callpreference.h239enable": False, "sipserv_addr": "192.0.2.77",
    "donotdisturb global": "on",
}  # fmt: skip
"""One setting of each other maker, as somebody has left it."""


def usual_tree() -> Tree:
    """A Cisco codec's configuration, as far as anybody here asks for it."""
    return {
        "Audio": {
            "DefaultVolume": DEFAULT_VOLUME,
            "Input": {"Microphone": [{"id": "1", "Level": "14"}, {"id": "2", "Level": "14"}]},
        },
        "H323": {"H323Alias": {"E164": "0241234"}},
        "Standby": {"Delay": "480", "Control": "On"},
        "SystemUnit": {"Name": "Phong hop"},
    }


def usual_named() -> Named:
    """Other makers' settings, by name."""
    return {
        "autoanswer": "no", "maxtimeincall": "0", "sleeptime": "0", "ntpserver": "192.0.2.5",
        "donotdisturb global": "off", "donotdisturb talk": "off",
        "comm.callpreference.h239enable": True, "comm.callsetting.callfeatures.maxtimeincall": 480,
        "system.info.systemname": "Phong hop",
        "sipserv_addr": "192.0.2.9", "enabletelnet": 0,
    }  # fmt: skip


def change(tree: Tree, named: Named) -> None:
    """Somebody has been in the codec's menu."""
    tree["Audio"]["DefaultVolume"] = QUIET
    named.update(CHANGED)


def mend(tree: Tree, named: Named) -> None:
    """What `change` has changed is as before."""
    tree["Audio"]["DefaultVolume"] = DEFAULT_VOLUME
    named.update({name: value for name, value in usual_named().items() if name in CHANGED})


def are_changed(tree: Tree, named: Named) -> bool:
    """Whether nobody has put any of them right again."""
    if tree["Audio"]["DefaultVolume"] == DEFAULT_VOLUME:
        return False
    return all(named[name] == value for name, value in CHANGED.items())
