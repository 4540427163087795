"""The figures of `make prove` are sums of what the rooms report, and say what was broken."""

from __future__ import annotations

from collections import Counter

from tests.prove.account import Account, outages, text
from tests.prove.rooms import Result
from tests.prove.sim.judge import Violation
from tests.prove.sim.ledger import Episode


def _result(seed: int, *broken: Violation) -> Result:
    return Result(
        seed,
        2.0,
        "0",
        1.5,
        deaths=Counter({"act.cut (power)": 2}),
        acts=Counter({"codec_restart": 3}),
        refusals=Counter({"hold_on": 1}),
        violations=list(broken),
    )


def test_rooms_add_up() -> None:
    account = Account()
    account.add(_result(4))
    account.add(_result(5, Violation("call_never_cut", 17.0, "cut")))
    figures = account.as_dict([], 60.0)
    assert (figures["room_days"], figures["crashes"], figures["acts"], figures["violations"]) == (4.0, 4, 6, 1)
    assert figures["seeds"] == [4, 5]
    assert figures["refusals"] == {"hold_on": 2}
    assert "seed 5 at 17 s: call_never_cut: cut" in text(figures)


def test_an_outage_stands_beside_the_device_s_own_boot() -> None:
    healed = Episode("codec_hung, soft", "codec", 100.0, 150.0, in_call=False, acted_s=130.0, ended_s=290.0)
    open_still = Episode("codec_hung, soft", "codec", 100.0, 150.0, in_call=False)
    result = _result(1)
    result.episodes = [healed, open_still]
    row, soft = outages([result])
    assert (row["fault"], soft["fault"]) == ("codec_hung", "codec_hung, soft")
    assert not row["target_met"], "one room was not healed at all"
    assert (row["outage_s"], row["beyond_boot_s"], row["first_act_after_s"]) == (190.0, 40.0, 30.0)
    assert row["not_healed"] == 1
