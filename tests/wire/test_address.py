"""Hosts as people write them."""

from __future__ import annotations

import pytest

from wire.address import host_of


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("", ""), ("mqtt.tinh.example", "mqtt.tinh.example"), ("10.0.0.1", "10.0.0.1"), (" 10.0.0.1 ", "10.0.0.1"),
        ("[2001:db8::1]", "2001:db8::1"), ("2001:db8::1", "2001:db8::1"), ("[::1]", "::1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
    ],
)  # fmt: skip
def test_brackets_of_ipv6_are_no_part_of_it(written: str, meant: str) -> None:
    assert host_of(written) == meant


@pytest.mark.parametrize("written", ["mqtt://x", "x:1883", "[::1]:1883", "a b", "[10.0.0.1]", "u@x", "x/"])
def test_what_is_no_host_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="alone"):
        host_of(written)
