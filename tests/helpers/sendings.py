"""How a sending in a test goes: no limit by the minute where none is asked for."""

from __future__ import annotations

from typing import Any

from mailer.base.settings.tables import Limits
from mailer.sending.queue import SendingOptions


def sending_options(connections: int = 2, *, per_minute: int = 0, **more: Any) -> SendingOptions:
    """Take the fields of `Limits` and of `SendingOptions` alike."""
    limits = {name: more.pop(name) for name in Limits.model_fields if name in more}
    limits |= {"connections": connections, "per_minute": per_minute}
    return SendingOptions(Limits(**limits), **more)
