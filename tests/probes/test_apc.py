"""APC's power strips of both generations against a real SNMP agent, which knows the values that the MIB names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agent.config.channel import RelayConfig
from agent.probes.outlet import open_outlet
from agent.probes.snmp import SnmpClient
from agent.transports.errors import LinkFault
from tests.snmp_peer import UPTIME_ROW, snmp_agent, writable

OLD_STATE, OLD_COMMAND = "1.3.6.1.4.1.318.1.1.12.3.5.1.1.4", "1.3.6.1.4.1.318.1.1.12.3.3.1.1.4"
NEW_STATE, NEW_COMMAND = "1.3.6.1.4.1.318.1.1.26.9.2.3.1.5", "1.3.6.1.4.1.318.1.1.26.9.2.4.1.5"
STRIP = "\n".join([
    UPTIME_ROW,
    f"{OLD_STATE}.1|2|1", f"{OLD_STATE}.2|2|2", f"{OLD_STATE}.3|2|4", writable(f"{OLD_COMMAND}.1", 1),
    f"{NEW_STATE}.1|2|1", f"{NEW_STATE}.2|2|2", f"{NEW_STATE}.3|2|0", writable(f"{NEW_COMMAND}.1", 1),
])  # fmt: skip


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with snmp_agent(tmp_path_factory.mktemp("apc"), {"ghi": STRIP}) as made:
        yield made


def strip(port: int, family: str, number: int, community: str = "ghi") -> RelayConfig:
    return RelayConfig("codec", family=family, uri=f"snmp://127.0.0.1:{port}", number=number, password=community)


@pytest.mark.parametrize(("family", "first"), [("apc_rpdu", True), ("apc_rpdu2", False)])
def test_the_two_generations_count_the_other_way_round(port: int, family: str, first: bool) -> None:
    assert open_outlet(strip(port, family, 1)).look(5.0).on is first
    assert open_outlet(strip(port, family, 2)).look(5.0).on is not first


@pytest.mark.parametrize("family", ["apc_rpdu", "apc_rpdu2"])
def test_an_unknown_state_is_neither_on_nor_off_and_an_unknown_outlet_is_none(port: int, family: str) -> None:
    for number, kind in ((3, "garbled"), (9, "refused")):
        with pytest.raises(LinkFault) as caught:
            open_outlet(strip(port, family, number)).look(5.0)
        assert caught.value.kind == kind


@pytest.mark.parametrize(("family", "column"), [("apc_rpdu", OLD_COMMAND), ("apc_rpdu2", NEW_COMMAND)])
def test_orders_are_one_for_on_and_two_for_off(port: int, family: str, column: str) -> None:
    outlet, reader = open_outlet(strip(port, family, 1)), SnmpClient("127.0.0.1", port, "ghi")
    outlet.cut(30.0, 5.0)
    assert reader.get([f"{column}.1"], 5.0) == {f"{column}.1": 2}
    outlet.give(5.0)
    assert reader.get([f"{column}.1"], 5.0) == {f"{column}.1": 1}


def test_a_community_that_may_not_write_is_no_order(port: int) -> None:
    with pytest.raises(LinkFault) as caught:
        open_outlet(strip(port, "apc_rpdu", 1, "doc")).cut(None, 0.5)
    assert caught.value.kind == "timeout"


def test_what_cannot_be_is_one_sentence() -> None:
    with pytest.raises(ValueError, match=r"must be snmp://HOST"):
        open_outlet(RelayConfig("codec", family="apc_rpdu", uri="http://10.0.0.9"))
    with pytest.raises(ValueError, match=r"must be 1\.\.48"):
        open_outlet(RelayConfig("codec", family="apc_rpdu2", uri="snmp://10.0.0.9", number=0))
