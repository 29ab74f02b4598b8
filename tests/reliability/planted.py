"""Mistakes that the tests must find: each is planted in a copy of the package, and the tests that
answer for it run.

Run as `python -m tests.reliability.planted`. A mistake whose text is no longer in the code, or
stands there more than once, is an error of this file: it says so, and is never counted as found. So
is a test that fails without any mistake.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("mailer", "tests", "contacts", "templates", "docs", "bench")
FILES = ("pyproject.toml", "config.toml", "README.md", "CHANGELOG.md", "Makefile")

FAULTS = "tests/sending/test_smtp_faults.py"
KILLS = (
    "tests/reliability/test_kills.py"
    "::test_sender_killed_at_any_of_some_steps_writes_to_nobody_twice"
)
LEDGER = "tests/ledger/test_ledger.py"


@dataclass(frozen=True)
class Mistake:
    """One mistake: what stands in a file, and what stands there instead; and the tests that answer
    for it.
    """

    name: str
    file: str
    changes: tuple[tuple[str, str], ...]
    tests: tuple[str, ...]

    def plant(self, root: Path) -> None:
        path = root / self.file
        text = path.read_text(encoding="utf-8")
        for before, after in self.changes:
            times = text.count(before)
            if times != 1:
                raise LookupError(
                    f"{self.name}: this stands {times} times in {self.file}, not once:\n{before}"
                )
            text = text.replace(before, after)
        path.write_text(text, encoding="utf-8")


MISTAKES = (
    Mistake(
        "the marker comes after the dot",
        "mailer/sending/smtp/session.py",
        (
            ("        if not await before_dot():\n            raise NotHandedOver\n", ""),
            (
                (
                    "        reply = await line.reply(self.patience.dot)\n        if not"
                    " line.in_step:\n"
                ),
                (
                    "        if not await before_dot():\n            raise NotHandedOver\n       "
                    " reply = await line.reply(self.patience.dot)\n        if not line.in_step:\n"
                ),
            ),
        ),
        ("tests/sending/test_smtp_session.py", "tests/sending/test_dispatch.py", KILLS),
    ),
    Mistake(
        "commits are not synced to the disk",
        "mailer/ledger/ledger.py",
        (('"synchronous=FULL"', '"synchronous=OFF"'),),
        (LEDGER, "tests/ledger/test_writer.py"),
    ),
    Mistake(
        "a broken line is closed, not aborted",
        "mailer/sending/smtp/connection.py",
        (
            (
                (
                    'self._fault = self._fault or ConnectionLost("the connection was dropped")\n'
                    "        self._transport.abort()"
                ),
                (
                    'self._fault = self._fault or ConnectionLost("the connection was dropped")\n'
                    "        self._transport.close()"
                ),
            ),
        ),
        ("tests/sending/test_smtp_session.py", "tests/sending/test_smtp_connection.py"),
    ),
    Mistake(
        "silence after the dot counts as try again",
        "mailer/sending/smtp/session.py",
        (("State.UNKNOWN if self._stage is Stage.DOT else State.DEFERRED", "State.DEFERRED"),),
        (FAULTS,),
    ),
    Mistake(
        "a reply glued to another one passes",
        "mailer/sending/smtp/connection.py",
        (
            (
                "return len(self._replies) + bool(self._partial or self._lines) <= self._due",
                "return True",
            ),
        ),
        (FAULTS, "tests/reliability/test_fuzz.py"),
    ),
    Mistake(
        "the dot does not wait for the body to leave",
        "mailer/sending/smtp/session.py",
        (("            await line.drained(self.patience.stall)\n", ""),),
        ("tests/sending/test_smtp_session.py",),
    ),
    Mistake(
        "the next dot does not wait for the record of the last",
        "mailer/sending/dispatch.py",
        (("after=worker.last[0] if worker.last else None", "after=None"),),
        ("tests/ledger/test_writer.py",),
    ),
    Mistake(
        "a letter past its marker waits again after a crash",
        "mailer/ledger/moves/transitions.py",
        (("State.UNKNOWN,\n        *left,", "State.WAITING,\n        *left,"),),
        (LEDGER, KILLS),
    ),
    Mistake(
        "an outcome is written without its attempt",
        "mailer/ledger/events.py",
        (("    _WRITE_ATTEMPT.run(connection, rows)\n", "    pass\n"),),
        (LEDGER,),
    ),
    Mistake(
        "the event of a claim leaves out one letter",
        "mailer/ledger/events.py",
        (("detail=ranges(ids))", "detail=ranges(ids[1:]))"),),
        (LEDGER, "tests/reliability/test_machine.py"),
    ),
    Mistake(
        "a claim does not count among what has moved since",
        "mailer/ledger/reading/kept_counts.py",
        ((".union(*claimed)", ""),),
        ("tests/ledger/test_events.py", "tests/ledger/test_counts.py"),
    ),
    Mistake(
        "an answer that came too late is told as the outcome",
        "mailer/ledger/moves/transitions.py",
        (('                row["to"] = EventKind.LATE_ANSWER.value\n', "                pass\n"),),
        (LEDGER, "tests/ledger/test_writer.py"),
    ),
    Mistake(
        "the chain leaves out what the server said to an attempt",
        "mailer/ledger/record/seals.py",
        (('sa.literal("|").concat(_joined(dialect, tried))', '""'),),
        ("tests/ledger/test_seals.py",),
    ),
    Mistake(
        "the local part is written in lower case",
        "mailer/contacts/rows/addresses.py",
        (
            (
                "        address = _validate(text)\n",
                "        address = _validate(text).lower()\n",
            ),
        ),
        ("tests/contacts/test_addresses.py", "tests/reliability/test_fuzz.py"),
    ),
    Mistake(
        "the fence is not looked at",
        "mailer/ledger/moves/transitions.py",
        (('    d.fence == sa.bindparam("under"),\n', ""),),
        (LEDGER, "tests/reliability/test_machine.py"),
    ),
    Mistake(
        "the allow-list is not enforced at the line",
        "mailer/sending/smtp/session.py",
        (("if one is not None and not self._allow(one.rcpt_to):", "if False:"),),
        ("tests/sending/test_smtp_session.py",),
    ),
    Mistake(
        "TLS only where the server offers it",
        "mailer/sending/smtp/server.py",
        (
            (
                '        if server.security == "starttls":\n            step = "starttls"',
                (
                    '        if server.security == "starttls" and'
                    ' client.supports_extension("starttls"):\n            step = "starttls"'
                ),
            ),
        ),
        ("tests/sending/test_smtp_server.py",),
    ),
    Mistake(
        "a second login after the first was refused",
        "mailer/sending/smtp/server.py",
        (
            (
                'if fault.code != 504 or "login" not in offered:',
                'if "login" not in offered:',
            ),
        ),
        ("tests/sending/test_smtp_server.py",),
    ),
    Mistake(
        "what stands in a cell is not escaped in HTML",
        "mailer/letters/render/__init__.py",
        (("frames.html.with_values(values, escaped)", "frames.html.with_values(values)"),),
        ("tests/letters/test_render.py",),
    ),
    Mistake(
        "a letter that was written for others is taken though its questions have another answer",
        "mailer/letters/render/variants.py",
        (("            yield words.get(name)\n", "            yield name\n"),),
        ("tests/letters/test_variants.py",),
    ),
    Mistake(
        "what shared lines hold is not looked through when a letter is read back",
        "mailer/letters/message/read_back.py",
        (("[key for one in found for key in one.addresses]", "[]"),),
        ("tests/letters/test_variants.py",),
    ),
    Mistake(
        "an answer counts though another stands behind it",
        "mailer/sending/smtp/session.py",
        (
            (
                "            await self._sure(line, receipt.state is State.ACCEPTED, behind)\n",
                "            pass\n",
            ),
        ),
        ("tests/sending/test_smtp_session.py",),
    ),
    Mistake(
        "the hold list is not asked before the dot",
        "mailer/sending/share.py",
        (("holds is not None and holds.has_changed", "False"),),
        ("tests/sending/test_dispatch.py",),
    ),
    Mistake(
        "the hold list counts as obeyed before that is on disk",
        "mailer/sending/share.py",
        (
            (
                "        held, stamp = holds.look()\n",
                "        stamp = holds._now()\n        if not holds.has_changed:\n"
                "            return None, stamp\n        holds.obeyed(stamp)\n"
                "        held, stamp = holds.look()\n",
            ),
        ),
        ("tests/sending/test_dispatch.py",),
    ),
    Mistake(
        "a letter whose dot was withheld may be cut off before it is given back",
        "mailer/sending/dispatch.py",
        (
            (
                "                return not await self._killed()\n",
                "                worker.past_mark = not await self._killed()\n",
            ),
        ),
        ("tests/sending/test_dispatch.py",),
    ),
    Mistake(
        "a marker is set in a log that is older than what was sent",
        "mailer/ledger/moves/writer.py",
        (("                self.ledger.prove(connection)\n", "                pass\n"),),
        ("tests/ledger/test_freshness.py",),
    ),
    Mistake(
        "a pause is not heard by whoever is connecting",
        "mailer/sending/share.py",
        ((" or mailouts.last_word(connection, self.mail_out_id) != self.last_word", ""),),
        ("tests/sending/test_dispatch.py",),
    ),
    Mistake(
        "what only one person reads is kept as if it were common",
        "mailer/letters/message/common.py",
        (("if number >= MANY}", "if number >= 1}"),),
        ("tests/letters/test_pieces.py",),
    ),
    Mistake(
        "a letter whose parts or places were changed in the log goes out",
        "mailer/ledger/stored_letters.py",
        (("if pieces.digest(data, shared) == digest:", "if digest:"),),
        ("tests/letters/test_pieces.py",),
    ),
    Mistake(
        "a dot at the start of a line beside a part is not doubled",
        "mailer/letters/message/pieces.py",
        (("has_dots = stuffed(own) is not own", "has_dots = False"),),
        ("tests/letters/test_pieces.py",),
    ),
    Mistake(
        "an alarm that was set for an earlier answer ends the wait for this one",
        "mailer/sending/smtp/connection.py",
        (("self._waiter is not None and self._loop.time() < self._deadline", "False"),),
        ("tests/sending/test_smtp_connection.py",),
    ),
)


@contextmanager
def a_copy() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        for name in COPIED:
            shutil.copytree(
                ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "*.db*")
            )
        for name in FILES:
            shutil.copy(ROOT / name, root)
        yield root


def run(root: Path, tests: tuple[str, ...], *, stop: bool = True) -> tuple[int, str]:
    """Run tests in a copy. Returns pytest's exit code, and what it said."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-m",
        "not long",
        "-p",
        "no:cacheprovider",
        "--timeout=60",
        *tests,
    ]
    command += ["-x"] if stop else []
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, timeout=900, check=False
    )
    return done.returncode, done.stdout + done.stderr


def found_by(mistake: Mistake) -> str | None:
    """Plant a mistake. Returns the first test that breaks, None if none does."""
    with a_copy() as root:
        mistake.plant(root)
        code, said = run(root, mistake.tests)
    if code not in (0, 1):
        raise RuntimeError(f"{mistake.name}: the tests did not run:\n{said[-3000:]}")
    broken = re.search(r"^(?:FAILED|ERROR) (\S+)", said, re.MULTILINE)
    return broken[1] if code and broken else None


def sound() -> str:
    """Run all tests that answer for a mistake, without any. Returns what they said if one fails,
    else nothing.
    """
    with a_copy() as root:
        code, said = run(
            root, tuple(sorted({one for mistake in MISTAKES for one in mistake.tests}))
        )
    return said if code else ""


def main() -> int:
    if trouble := sound():
        print(f"Without any mistake the tests fail:\n{trouble[-3000:]}")
        return 1
    found = 0
    for mistake in MISTAKES:
        test = found_by(mistake)
        found += test is not None
        print(
            f"{'found' if test else 'NOT FOUND':10} {mistake.name}"
            f" ({test or ', '.join(mistake.tests)})",
            flush=True,
        )
    print(f"{found} of {len(MISTAKES)} found")
    return 0 if found == len(MISTAKES) else 1


if __name__ == "__main__":
    sys.exit(main())
