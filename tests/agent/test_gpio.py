"""Relays on gpiozero: which level means power, and the order of calls that does not glitch the mains."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory

from agent.config.channel import RelayConfig, check
from agent.ports import LateError, RelayError
from agent.power import gpio
from agent.power.gpio import GpioRelays


def test_equipment_is_powered_with_the_relay_at_rest() -> None:
    factory = MockFactory()
    relays = GpioRelays([RelayConfig("codec", 17), RelayConfig("light", 22, contact="no")], ["light"], factory)
    assert (factory.pin(17).state, factory.pin(22).state) == (0, 0)
    assert relays.powered("codec")
    assert not relays.powered("light")
    relays.cut("codec")
    relays.restore("light")
    assert (factory.pin(17).state, factory.pin(22).state) == (1, 1)
    assert not relays.powered("codec")
    relays.restore("codec")
    relays.restore("codec")
    assert factory.pin(17).state == 0


def test_a_low_level_board_is_the_other_way_round() -> None:
    factory = MockFactory()
    relays = GpioRelays([RelayConfig("codec", 17, active_high=False)], (), factory)
    assert factory.pin(17).state == 1
    relays.cut("codec")
    assert factory.pin(17).state == 0


def test_letting_go_moves_nothing() -> None:
    factory = MockFactory()
    relays = GpioRelays([RelayConfig("light", 22, contact="no")], (), factory)
    device = relays._devices["light"]
    assert factory.pin(22).state == 1
    relays.close()
    assert factory.pin(22).state == 1
    device.close()


def test_what_was_left_off_stays_off_and_all_else_gets_power() -> None:
    factory = MockFactory()
    table = [RelayConfig("codec", 17), RelayConfig("fan", 23, contact="no")]
    assert not GpioRelays(table, ["fan"], factory).powered("fan")


@pytest.mark.parametrize("pin", [0, 2, 8, 28, 99, -2])
def test_pins_that_float_high_are_refused_with_the_mend(pin: int) -> None:
    (problem,) = check([RelayConfig("codec", pin)])
    assert "9 to 27" in problem
    assert "relays.codec" in problem


def test_a_pin_used_twice_is_named() -> None:
    (problem,) = check([RelayConfig("codec", 17), RelayConfig("switch", 17)])
    assert "already used for codec" in problem


def test_an_empty_lgpio_is_one_clear_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", gpio.DEFAULT_FACTORY)
    monkeypatch.setattr(gpio, "lgpio_is_stub", lambda: True)
    with pytest.raises(RelayError, match="python3-lgpio"):
        GpioRelays([RelayConfig("codec", 17)])


def test_a_board_without_gpio_is_one_clear_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from gpiozero.devices import Device

    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", gpio.DEFAULT_FACTORY)
    monkeypatch.setattr(Device, "pin_factory", None)
    with pytest.raises(RelayError, match="GPIO"):
        GpioRelays([RelayConfig("codec", 17)])


class Calls(types.ModuleType):
    """Stands for lgpio and keeps the order of calls."""

    def __init__(self) -> None:
        super().__init__("lgpio")
        self.calls: list[tuple[Any, ...]] = []
        self.error = OSError
        self.levels: dict[int, int] = {}

    def __getattr__(self, name: str) -> Any:
        if name.isupper():
            return 0

        def call(*arguments: Any) -> Any:
            self.calls.append((name, *arguments))
            if name == "gpio_claim_output":
                self.levels[arguments[1]] = arguments[2]
            if name == "gpio_write":
                self.levels[arguments[1]] = arguments[2]
            if name == "gpio_read":
                return self.levels.get(arguments[1], 0)
            return 1 << 1 if name == "gpio_get_mode" else 7

        return call


@pytest.fixture
def holding(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Calls]:
    """`agent.power.gpio_holding` over the recorded library, without a trace in the real modules afterwards."""
    calls = Calls()
    for name in ("gpiozero.pins.lgpio", "agent.power.gpio_holding"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "lgpio", calls)
    import importlib

    module = importlib.import_module("agent.power.gpio_holding")
    module.LocalPiFactory.pins.clear()  # gpiozero shares them between factories
    monkeypatch.setattr(module.LocalPiFactory, "_get_revision", lambda _self: 0xA02082)
    return module, calls


@pytest.mark.parametrize("energised", [False, True])
def test_a_held_line_is_claimed_with_its_level_in_one_step(holding: tuple[Any, Calls], energised: bool) -> None:
    from gpiozero.output_devices import OutputDevice

    module, calls = holding
    factory = module.HoldingFactory(chip=0)
    device = OutputDevice(17, initial_value=energised, pin_factory=factory)
    on_line = [c for c in calls.calls if len(c) > 2 and c[2] == 17]
    assert on_line[0] == ("gpio_claim_output", 7, 17, int(energised)), "no input, no low level before it"
    assert not [c for c in on_line if c[0] == "gpio_claim_input"]
    calls.calls.clear()
    device.close()
    assert not [c for c in calls.calls if len(c) > 2 and c[2] == 17], "closing leaves the line as it is"


def test_the_chip_is_found_by_its_label() -> None:
    from agent.power.gpio_holding import chip_number

    assert chip_number({0: "brcmvirt-gpio", 4: "pinctrl-rp1"}) == 4
    assert chip_number({0: "pinctrl-rp1", 11: "gpio-brcmstb"}) == 0
    with pytest.raises(OSError, match="labels seen"):
        chip_number({0: "INT33FC:00"})


def test_a_cut_that_comes_too_late_moves_no_contact() -> None:
    factory = MockFactory()
    relays = GpioRelays([RelayConfig("codec", 17)], (), factory)
    with pytest.raises(LateError):
        relays.cut("codec", in_time=lambda: False)
    assert (factory.pin(17).state, relays.powered("codec"), relays.faults()) == (0, True, {})


def test_a_line_that_does_not_follow_is_a_fault_until_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    relays = GpioRelays([RelayConfig("codec", 17)], (), MockFactory())
    relays.cut("codec")
    with monkeypatch.context() as held:
        held.setattr(relays, "powered", lambda _: False)
        with pytest.raises(RelayError, match="does not follow"):
            relays.restore("codec")
    assert list(relays.faults()) == ["codec"]
    relays.restore("codec")
    assert relays.faults() == {}
