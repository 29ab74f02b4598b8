"""Who may do what. A role is a set of rights; whatever a route does not name is refused."""

from __future__ import annotations

from enum import StrEnum


class Right(StrEnum):
    LOOK = "look"  # read the send log, the sheets and the letters
    POSITIONS = "positions"  # note and read where members stand: political opinions
    WORK = "work"  # write notes, tick off follow-ups, put a person on the hold list
    EDIT = "edit"  # take sheets over, release from the hold list
    WRITE = "write"  # begin an appeal, write its letters and what they share
    APPROVE = "approve"  # say yes to a plan; accept forms of address
    SEND = "send"  # plan, send, pause, stop, settle an unknown
    RULE = "rule"  # accounts and the journal


ROLES: dict[str, frozenset[Right]] = {
    "viewer": frozenset({Right.LOOK}),
    "editor": frozenset({Right.LOOK, Right.WORK, Right.EDIT, Right.WRITE}),
    "approver": frozenset({Right.LOOK, Right.POSITIONS, Right.WORK, Right.APPROVE}),
    "operator": frozenset({Right.LOOK, Right.POSITIONS, Right.WORK, Right.WRITE, Right.SEND}),
    "admin": frozenset(Right),
}
