"""What a coordinator looks at in a large log, in the console and on the command line: at 612 and
100,000 people over three mail-outs, each with a position; a tenth has answered.

Pages: milliseconds of processor time, since a busy machine says nothing about the clock. "first" is
the first page of a console that has got ready (the row at the end: sheets read, and counted for the
first time, or as another console has left it); "changed" the page after somebody was moved,
answered or was noted, the median of several; "again" the median of those that follow.

Commands: seconds of processor time and the largest memory of a process of its own, start included.
`python -m bench.board 333334` has a million deliveries.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path

import httpx
import sqlalchemy as sa

from bench import measure
from bench.console import CONFIG, DIGEST, HERE, LETTER
from bench.measure import CHILDREN
from mailer.base.delegations import Delegations
from mailer.base.spelling import tokens
from mailer.base.states import Position
from mailer.console.access.sessions import BrowserSessions
from mailer.console.app import application
from mailer.console.ready import get_ready
from mailer.console.request import Console, WorkspaceCache
from mailer.contacts.contact import person_key
from mailer.ledger.ledger import Ledger
from mailer.ledger.schema import (
    delivery,
    event,
    incoming,
    incoming_letter,
    letter,
    mail_out,
    member_position,
)

SIZES = (612, 100_000)
ROUNDS = 5
AT = datetime(2027, 1, 20, 8, tzinfo=UTC)
PAGES = {
    "board": "/board",
    "members of a delegation": "/board/members?delegation=NO",
    "… who support it": "/board/members?stand=supports",
    "… by name": "/board/members?q=surname7",
    "one member": "/board/member?who=NO:kim+surname{norwegian}",
    "standing, with the map": "/standing",
    "report": "/report",
    "report with positions": "/report?with=positions",
}
OF_A_MAIL_OUT = {
    "a mail-out": "",
    "… its outcomes": "/outcomes",
    "… who needs a person": "/outcomes?needs=a_person",
    "… its delegations": "/delegations",
    "… its follow-up": "/follow-up",
    "… whom it left out": "/left-out",
    "… one person": "/people/{norwegian}",
    "… beside another": "/compare?with=2",
}
OTHERS = {
    "start": "/",
    "mail-outs": "/mail-outs",
    "inbox": "/inbox",
    "… who is away": "/inbox?kind=away",
    "contact sheets": "/contacts",
    "rows of a sheet": "/contacts/all.csv/rows",
    "search for a name": "/search?q=surname77",
}
COMMANDS = (
    *("--help", "status", "status vote", "status M-0001 --json", "log delegations vote"),
    *("log show M-0001-042", "log people vote --state refused"),
    *("log find surname77", "log compare M-0001 M-0002", "inbox list --kind returned_hard"),
    *("report vote", "report vote --pdf report.pdf", "log export M-0001 --csv all.csv"),
    *("log export M-0001 --xlsx all.xlsx", "log export vote --json all.jsonl"),
)


def people(root: Path, number: int) -> tuple[list[str], int]:
    """Write a sheet of so many invented people; return their keys, and one who is Norwegian."""
    codes = [one.code for one in Delegations.load().members]
    lines = ["Delegation,Role,Given name,Surname,Gender,E-mail,Language,Group,Vote 2024"]
    keys, norwegian = [], codes.index("NO")
    for at in range(number):
        code = codes[at % len(codes)]
        group, vote = ("SOC", "EPP/CD", "ALDE", "")[at % 4], ("for", "against", "")[at % 3]
        row = (code, "representative", "Kim", f"Surname{at}", "f", address(code, at), "en", group)
        lines.append(",".join((*row, vote)))
        keys.append(person_key(code, f"Kim Surname{at}"))
    (root / "contacts").mkdir()
    (root / "contacts" / "all.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    folder = root / "templates" / "vote"
    folder.mkdir(parents=True)
    (folder / "en.md").write_text("Subject: x\nPreview: x\n\n{{ greeting }}\n\nPlease.\n")
    (folder / "appeal.toml").write_text('title = "A vote"\n[languages]\nfallback = ["en"]\n')
    return keys, norwegian


def address(code: str, at: int) -> str:
    return f"kim{at}@{code.lower()}.parliament.example"


ACCEPTED, ALREADY = ("accepted", ""), ("skipped", "already_written")
GONE, FULL = ("refused", "no_such_mailbox"), ("refused", "mailbox_full")
FATES = (
    # of each hundred people: what became of them in the first, second and third mail-out
    (range(94), ACCEPTED, ALREADY, ALREADY),
    (range(94, 96), GONE, ACCEPTED, ALREADY),
    (range(96, 97), FULL, FULL, ACCEPTED),
    (range(97, 98), GONE, ("skipped", "refused_before"), ("skipped", "refused_before")),
    (range(98, 99), ("skipped", "no_address"), ("skipped", "no_address"), ("waiting", "")),
    (range(99, 100), ("skipped", "shared_mailbox"), ALREADY, ALREADY),
)


def mail_outs(ledger: Ledger, keys: list[str]) -> None:
    """Write three mail-outs to the same people straight into the tables, and what came back: of a
    hundred people ten answered, four are away, one letter came back for good. One of a hundred is
    named in the letter to somebody else's mailbox.
    """
    fates = {at: fate for places, *fate in FATES for at in places}
    with ledger.writing() as connection:
        connection.execute(
            sa.insert(letter).values(digest=DIGEST, data=zlib.compress(LETTER), shared="")
        )
        for which in range(3):
            connection.execute(
                sa.insert(mail_out).values(
                    id=which + 1, appeal="vote", title="A vote",
                    state="finished" if which < 2 else "paused", mode="test", hash="0", server="",
                    sender="us@rights.example", sources=b"", planned_at=AT, started_at=AT,
                    ended_at=AT + timedelta(hours=5),
                )
            )  # fmt: skip
            rows = [
                _row(which, at, key, *fates[at % 100][which], len(keys))
                for at, key in enumerate(keys)
            ]
            connection.execute(sa.insert(delivery), rows)
            connection.execute(
                sa.insert(event),
                [{"mail_out_id": which + 1, "delivery_id": row["id"], "kind": row["state"],
                  "reason": row["reason"], "at": AT}
                 for row in rows if row["state"] not in ("skipped", "waiting")],
            )  # fmt: skip
        kinds = {**dict.fromkeys(range(10), "reply"), **dict.fromkeys(range(10, 14), "away")}
        came = [at for at in range(len(keys)) if at % 100 < 15]
        connection.execute(
            sa.insert(incoming),
            [{"id": at + 1, "digest": f"{at:064}", "box": "x", "recorded_at": AT, "sure": True,
              "kind": kinds.get(at % 100, "returned_hard"), "whole": True}
             for at in came],
        )  # fmt: skip
        connection.execute(
            sa.insert(incoming_letter),
            [
                {"incoming_id": at + 1, "delivery_id": at + 1, "how": "id", "certainty": 100}
                for at in came
            ],
        )


def _row(which: int, at: int, key: str, state: str, reason: str, size: int) -> dict[str, object]:
    code, named = key[:2], reason == "shared_mailbox"
    with_letter = at - 46 if named and at >= 46 else at  # the one before in the same delegation
    where = address(code, with_letter)
    return {
        "id": which * size + at + 1, "mail_out_id": which + 1, "number": at + 1,
        "position": at + 1, "person": key, "name": f"Kim Surname{at}", "address": where,
        "address_key": where, "delegation": code, "role": "representative",
        "political_group": ("SOC", "EPP/CD", "ALDE", "")[at % 4], "language": "en",
        "file": "contacts/all.csv", "sheet": "", "row": at + 2, "cell": f"{at + 2}:6",
        "message_id": f"<{which}.{with_letter}@rights.example>"
        if named or state != "skipped" else None,
        "digest": DIGEST if state != "skipped" else None, "state": state, "reason": reason,
        "detail": "", "code": 250, "enhanced": "2.0.0", "text": "queued as 4F1C2A9B7D",
        "attempts": 1 + (at % 50 == 0), "changed_at": AT + timedelta(seconds=at // 20),
        "words": " ".join(tokens(f"kim surname{at} {where}")),
    }  # fmt: skip


def note(ledger: Ledger, keys: list[str]) -> None:
    """Note where everybody stands, straight into the table."""
    stands = [one.value for one in Position]
    rows = [
        {
            "appeal": "vote", "person": key, "name": key[3:], "delegation": key[:2],
            "position": stands[at % 5], "source": "call", "note": "said so",
            "next_step": "ring again" if at % 9 == 0 else "",
            "due": date(2027, 1, 1) + timedelta(at % 20), "owner": "Jana",
            "at": AT, "who": "Jana", "newest": True,
        }
        for at, key in enumerate(keys)
    ]  # fmt: skip
    with ledger.writing() as connection:
        connection.execute(sa.insert(member_position), rows)


def change(ledger: Ledger, keys: list[str], step: int) -> None:
    """Let somebody be moved, somebody answer, and somebody be noted."""
    ids, position = count(2 * len(keys) + 99, 100), {"appeal": "vote", "source": "call"}
    one = next(at for place, at in enumerate(ids) if place == step % (len(keys) // 100))
    with ledger.writing() as connection:
        moved = sa.update(delivery).where(delivery.c.id == one)
        connection.execute(moved.values(state="accepted", digest=DIGEST))
        told = {"mail_out_id": 3, "delivery_id": one, "at": AT, "reason": ""}
        connection.execute(sa.insert(event).values(**told, kind="accepted"))
        answer = sa.insert(incoming).values(
            digest=f"new {step}", box="x", recorded_at=AT, sure=True, kind="reply", whole=True
        )
        number = connection.execute(answer.returning(incoming.c.id)).scalar_one()
        linked = {"incoming_id": number, "delivery_id": 21 + step, "how": "id", "certainty": 100}
        connection.execute(sa.insert(incoming_letter).values(**linked))
        told = {"mail_out_id": 1, "delivery_id": 21 + step, "at": AT, "detail": "reply"}
        connection.execute(sa.insert(event).values(**told, kind="came_back"))
        p, key = member_position.c, keys[step]
        old = sa.update(member_position).where(p.person == key, p.newest == sa.true())
        connection.execute(old.values(newest=False))
        stands = list(Position)[step % 5].value
        connection.execute(
            sa.insert(member_position).values(
                **position, person=key, name=key[3:], delegation=key[:2], position=stands,
                at=AT, who="Jana", newest=True,
            )
        )  # fmt: skip


async def ask(
    console: Console, keys: list[str], norwegian: int
) -> dict[str, tuple[float, float, float]]:
    """Return {page: (first, after a change, again)} in milliseconds of this process."""
    transport = httpx.ASGITransport(application(console, {"127.0.0.1:8025"}))
    found = {}
    steps = count()
    async with httpx.AsyncClient(transport=transport, base_url=HERE, timeout=600) as client:

        async def timed(path: str) -> float:
            begun = time.process_time()
            answer = await client.get(path)
            assert answer.status_code == 200, answer.text
            return 1000 * (time.process_time() - begun)

        await client.get(f"/sign-in?key={console.sessions.new_key()}")
        pages = {name: f"/letters/vote{path}" for name, path in PAGES.items()}
        pages |= {name: f"/mail-outs/M-0001{path}" for name, path in OF_A_MAIL_OUT.items()}
        pages |= OTHERS
        for name, path in pages.items():
            address = path.format(norwegian=norwegian)
            first = await timed(address)
            changed = []
            for _ in range(ROUNDS):
                change(console.ledger, keys, next(steps))
                changed.append(await timed(address))
            again = [await timed(address) for _ in range(ROUNDS)]
            found[name] = (first, statistics.median(changed), statistics.median(again))
    return found


def run(root: Path, command: str) -> tuple[float, float]:
    """Return seconds of processor time and MB of a command."""
    words = [sys.executable, "-m", "mailer", *command.split()]
    with tempfile.TemporaryFile() as said:
        program = subprocess.Popen(words, cwd=root, stdout=said, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(program.pid, 0)
        program.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        assert program.returncode == 0, f"{command}: {said.read(2000).decode()}"
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main(sizes: tuple[int, ...] = SIZES) -> None:
    columns: list[dict[str, tuple[float, ...]]] = []
    commands = []
    for number in sizes:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            settings = f"{CONFIG}[positions]\nkeep_until = 2099-12-31\n"
            (root / "config.toml").write_text(settings, encoding="utf-8")
            keys, norwegian = people(root, number)
            with Ledger(f"sqlite:///{root / '.mailer' / 'ledger.db'}") as ledger:
                mail_outs(ledger, keys)
                note(ledger, keys)
            # from a small process: no child shows a smaller memory than its parent had
            with ProcessPoolExecutor(1, CHILDREN) as small:
                commands.append({one: small.submit(run, root, one).result() for one in COMMANDS})
            with Ledger(f"sqlite:///{root / '.mailer' / 'ledger.db'}") as ledger:
                shutil.rmtree(root / ".mailer" / "counts")
                ready = []
                for _ in range(2):
                    sessions = BrowserSessions(ledger, now=ledger.now)
                    console = Console(
                        WorkspaceCache(root), ledger, sessions, "bench", lambda _: None, HERE,
                        frozenset({HERE}),
                    )  # fmt: skip
                    begun = time.process_time()
                    get_ready(console)
                    ready.append(1000 * (time.process_time() - begun))
                columns.append({**asyncio.run(ask(console, keys, norwegian))})
                columns[-1]["a console gets ready: at first / later"] = tuple(ready)
    measure.table(
        ["command, s / MB", *(f"{number:,}" for number in sizes)],
        [
            [name, *(f"{one[name][0]:.1f} / {one[name][1]:,.0f}" for one in commands)]
            for name in COMMANDS
        ],
    )
    print()
    measure.table(
        ["page, ms (first / changed / again)", *(f"{number:,}" for number in sizes)],
        [
            [name, *(" / ".join(f"{part:,.0f}" for part in one[name]) for one in columns)]
            for name in columns[0]
        ],
    )


if __name__ == "__main__":
    main(tuple(int(word) for word in sys.argv[1:]) or SIZES)
