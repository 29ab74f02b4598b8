"""Passwords and second factors: what is good enough, what is kept of it, and what fits.

Of a password only its argon2id hash is kept, of a recovery code its SHA-256. A password is long and
not among those that are guessed first (zxcvbn, with its lists); nothing else is asked of it. A
second factor is a code of RFC 6238 from an app, each good once, or one of ten recovery codes.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from mailer.base.errors import UsageError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

    from mailer.ledger.accounts import Account

    Hasher = PasswordHasher

SHORTEST, LONGEST = 12, 1024
"""Characters of a password. A long sentence is easier to keep than a short riddle."""

GUESSES = 10**8
"""What is found with fewer guesses is too easy: a common password, one with a figure behind it."""

READ = 72
"""So many characters of a password are judged; whoever guesses those has guessed enough."""

STEP = 30  # seconds for which a code of the app is the one; RFC 6238
CODES = 10


@cache
def argon() -> Hasher:
    from argon2 import PasswordHasher

    return PasswordHasher()  # argon2id, 64 MB


def check(password: str, *about: str) -> None:
    """Raise UsageError for a password that is too short or guessed early. `about` are words that
    whoever guesses tries first: the name, the organisation.
    """
    from zxcvbn import zxcvbn

    if len(password) < SHORTEST:
        raise UsageError(
            f"A password has at least {SHORTEST} characters; a sentence is easy to keep."
        )
    if len(password) > LONGEST:
        raise UsageError(f"A password has at most {LONGEST} characters.")
    words = [word for text in about for word in [text, *text.split()] if word]
    if zxcvbn(password[:READ], user_inputs=words)["guesses"] < GUESSES:
        raise UsageError(
            "This password is among those that are guessed first. Four or five words that have"
            " nothing to do with each other are a good one."
        )


def fits(hasher: Hasher, hashed: str, password: str) -> bool:
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return hasher.verify(hashed, password[:LONGEST])
    except (VerificationError, InvalidHashError):
        return False


# ------------------------------------------------------------------------------------ second factor


def new_secret() -> str:
    import pyotp

    return pyotp.random_base32()


def for_the_app(secret: str, name: str, workspace: str) -> str:
    """Return what an app reads: `otpauth://totp/…`."""
    import pyotp

    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=f"mailer {workspace}")


def picture(uri: str) -> str:
    """Return a QR code as a `data:` address of an SVG."""
    import segno

    return segno.make(uri, error="m").svg_data_uri(scale=5, border=3, light="#ffffff")


def step_of(secret: str, code: str, at: datetime) -> int | None:
    """Return the step of time for which this is the app's code: now, or one step aside; None where
    it is not.
    """
    import pyotp

    app, now = pyotp.TOTP(secret, interval=STEP), int(at.timestamp()) // STEP
    code = "".join(code.split())
    for step in (now, now - 1, now + 1):
        if code.isascii() and secrets.compare_digest(app.at(step * STEP), code):
            return step
    return None


def new_recovery_codes() -> list[str]:
    """Return ten codes of twelve figures and letters, `k3v9-x2mt-7q4d`: each is good once."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"  # none that looks like another
    return [
        "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(3))
        for _ in range(CODES)
    ]


def kept(code: str) -> str:
    """Return what is kept of a recovery code, or of the key of a link."""
    return hashlib.sha256(code.strip().lower().encode()).hexdigest()


def answer(one: Account, code: str, at: datetime) -> dict[str, object] | None:
    """Return what changes at an account when this code of its second factor is used; None where it
    does not fit.
    """
    step = step_of(one.second, code, at)
    if step is not None:
        return {"second_step": step} if step > one.second_step else None
    left = one.recovery.split()
    if kept(code) not in left:
        return None
    return {"recovery": " ".join(each for each in left if each != kept(code))}
