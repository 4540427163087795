"""What a room's events tell: every kind that this release knows. The texts under them go into the contract's document.

`wire.messages.Event.kind` is plain text all the same: a room may run a newer release than its hub, and an event of a
kind that the hub does not know is stored and shown as it came.
"""

from __future__ import annotations

import enum


class EventKind(enum.StrEnum):
    """The kind of a room's event, as it stands on the wire and in the databases of rooms and hub."""

    AGENT_STARTED = "agent_started"
    """the agent came up; detail: version, crashes, power_cuts, the release it went back from and why"""
    FAULT_CONFIRMED = "fault_confirmed"
    """a fault is certain; carries evidence, words and the time of the first symptom"""
    FAULT_CLEARED = "fault_cleared"
    """the fault is gone and its recovery condition held"""
    FAULT_ESCALATED = "fault_escalated"
    """the machine can do no more, or must wait: a person is needed"""
    FAULT_REARMED = "fault_rearmed"
    """an escalated fault is tried again, for the reason given"""
    REMEDY_STARTED = "remedy_started"
    """an act has been journalled and begins"""
    REMEDY_DONE = "remedy_done"
    """an act ended: outcome and proof of effect"""
    REMEDY_REFUSED = "remedy_refused"
    """an act was not allowed, with the reason; sent when the reason changes, not at every try"""
    COMMAND_REFUSED = "command_refused"
    """an operator's order was not obeyed, with the reason"""
    DESIRED_APPLIED = "desired_applied"
    """a new desired document is in force; detail: version"""
    DESIRED_REFUSED = "desired_refused"
    """a desired document, or a part of it, was not taken, with the reason; detail: version, meetings"""
    LOAD_LATCHED = "load_latched"
    """a load used up its cycles of a day and was asked for one more: it waits for `clear_latches`"""
    LEASE_WANTED = "lease_wanted"
    """the room asks for a share of the fleet's budget before it restarts something by itself"""
    RETURN_BEGAN = "return_began"
    """the mains is back, or the board has started anew: the loads return stage by stage; detail: stages"""
    STAGE_UNVERIFIED = "stage_unverified"
    """a stage of the return was passed over: nothing proved that its load serves"""
    RETURN_ENDED = "return_ended"
    """the room's return has ended, or was broken off for the reason given"""
    OUTBOX_DROPPED = "outbox_dropped"
    """the outbox was full; detail: how many were dropped"""
    POWER_MISSING = "power_missing"
    """a load cannot be given the power that it should have; its relay or outlet fails; detail: error"""
    POWER_BACK = "power_back"
    """a load that was told as `power_missing` has power again; detail: after_s"""
    SAFE_MODE_ENDED = "safe_mode_ended"
    """half an hour has passed without a crash: the room acts again"""
