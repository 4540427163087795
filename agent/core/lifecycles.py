"""The lives of what is no fault, each with its states, its signals and all its transitions in one table.

A fault's own stands in `agent.core.phases`.
"""

from __future__ import annotations

import enum


class Supply(enum.StrEnum):
    """Whether a load has its power by our will. Only loads that may stay off are ever anything but on."""

    ON = "on"
    OFF = "off"  # switched off on purpose
    SHED = "shed"  # off because the mains was lost: it comes back with the mains


class Switched(enum.StrEnum):
    """The end of an act that switches and leaves it so."""

    ON = "switched_on"
    OFF = "switched_off"
    FOR_OUTAGE = "for_outage"  # switched off to spare the UPS


SUPPLY: dict[tuple[Supply, Switched], Supply] = {
    (Supply.ON, Switched.ON): Supply.ON,
    (Supply.ON, Switched.OFF): Supply.OFF,
    (Supply.ON, Switched.FOR_OUTAGE): Supply.SHED,
    (Supply.OFF, Switched.ON): Supply.ON,
    (Supply.OFF, Switched.OFF): Supply.OFF,
    (Supply.OFF, Switched.FOR_OUTAGE): Supply.SHED,
    (Supply.SHED, Switched.ON): Supply.ON,
    (Supply.SHED, Switched.OFF): Supply.SHED,  # it was off already: it still comes back with the mains
    (Supply.SHED, Switched.FOR_OUTAGE): Supply.SHED,
}


class Latch(enum.StrEnum):
    """Whether a load may be restarted at all, or waits for a person."""

    OPEN = "open"
    LATCHED = "latched"


class LatchSignal(enum.StrEnum):
    """What closes and opens a latch."""

    DAY_SPENT = "day_spent"  # its cycles of a day were used up, and one more was asked for
    CLEARED = "cleared"  # a person has looked after it


LATCH: dict[tuple[Latch, LatchSignal], Latch] = {
    (Latch.OPEN, LatchSignal.DAY_SPENT): Latch.LATCHED,
    (Latch.OPEN, LatchSignal.CLEARED): Latch.OPEN,
    (Latch.LATCHED, LatchSignal.DAY_SPENT): Latch.LATCHED,
    (Latch.LATCHED, LatchSignal.CLEARED): Latch.OPEN,
}


class LeaseState(enum.StrEnum):
    """What the hub has said of an act of the room's own. Each but NONE holds for `Guards.lease_s`, and then says
    nothing any more."""

    NONE = "none"
    ASKED = "asked"
    GRANTED = "granted"  # for one act
    DENIED = "denied"


class LeaseSignal(enum.StrEnum):
    """What happens to a lease."""

    ASK = "ask"  # none is in force: the hub is asked, or asked anew
    GRANT = "grant"  # its answers count whenever they come
    DENY = "deny"
    USE = "use"  # an act of the room's own takes it with it


LEASE: dict[tuple[LeaseState, LeaseSignal], LeaseState] = {
    **{(state, LeaseSignal.ASK): LeaseState.ASKED for state in LeaseState},
    **{(state, LeaseSignal.GRANT): LeaseState.GRANTED for state in LeaseState},
    **{(state, LeaseSignal.DENY): LeaseState.DENIED for state in LeaseState},
    **{(state, LeaseSignal.USE): LeaseState.NONE for state in LeaseState},
}


class OrderState(enum.StrEnum):
    """Where an operator's order to act stands in the room."""

    RECEIVED = "received"
    WAITING = "waiting"  # for a look at whether a call is up
    BEGUN = "begun"
    REFUSED = "refused"


class OrderSignal(enum.StrEnum):
    """What the interlock makes of it."""

    LOOK = "look"  # a look may permit it, and there is room and time to wait for one
    PERMIT = "permit"
    REFUSE = "refuse"


ORDER: dict[tuple[OrderState, OrderSignal], OrderState] = {
    (OrderState.RECEIVED, OrderSignal.LOOK): OrderState.WAITING,
    (OrderState.RECEIVED, OrderSignal.PERMIT): OrderState.BEGUN,
    (OrderState.RECEIVED, OrderSignal.REFUSE): OrderState.REFUSED,
    (OrderState.WAITING, OrderSignal.LOOK): OrderState.WAITING,
    (OrderState.WAITING, OrderSignal.PERMIT): OrderState.BEGUN,
    (OrderState.WAITING, OrderSignal.REFUSE): OrderState.REFUSED,
}


class StageState(enum.StrEnum):
    """How the present stage of the room's return stands."""

    DUE = "due"  # its turn has come
    HELD = "held"  # it may not be switched yet
    SWITCHED = "switched"  # it has its power, or goes without: it is awaited until it serves


class StageSignal(enum.StrEnum):
    """What happens to it."""

    HOLD = "hold"  # refused, and that may end by itself
    SWITCH = "switch"  # its act begins; or none is needed, or allowed
    SERVES = "serves"  # the next one is due
    OVERDUE = "overdue"  # it has had its time, or is a person's: the next one is due all the same


STAGE: dict[tuple[StageState, StageSignal], StageState] = {
    (StageState.DUE, StageSignal.HOLD): StageState.HELD,
    (StageState.DUE, StageSignal.SWITCH): StageState.SWITCHED,
    (StageState.HELD, StageSignal.HOLD): StageState.HELD,
    (StageState.HELD, StageSignal.SWITCH): StageState.SWITCHED,
    (StageState.SWITCHED, StageSignal.SERVES): StageState.DUE,
    (StageState.SWITCHED, StageSignal.OVERDUE): StageState.DUE,
}
