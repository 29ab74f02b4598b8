"""Pages of an appeal as a whole: its board, its members and its standing, server time at 612 and
100,000 people, each with a position.

"cold" is the first page after somebody has noted something, the rest are medians. The sheets are
read once, before: that costs what `bench.contacts` measures.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import sqlalchemy as sa

from bench import measure
from bench.console import CONFIG, HERE, fill
from mailer.base.delegations import Delegations
from mailer.base.states import Position
from mailer.console.access.sessions import BrowserSessions
from mailer.console.app import application
from mailer.console.request import Console, WorkspaceCache
from mailer.contacts.contact import person_key
from mailer.ledger.ledger import Ledger
from mailer.ledger.schema import member_position

SIZES = (612, 100_000)
ROUNDS = 7
PAGES = {
    "board": "/board",
    "members of a delegation": "/board/members?delegation=NO",
    "… who support it": "/board/members?stand=supports",
    "… by name": "/board/members?q=surname7",
    "one member": "/board/member?who=NO:kim+surname{norwegian}",
    "standing": "/standing",
    "report": "/report?with=positions",
}


def people(root: Path, number: int) -> tuple[list[str], int]:
    """Write a sheet of so many invented people; return their keys, and one who is Norwegian."""
    codes = [one.code for one in Delegations.load().members]
    lines = ["Delegation,Role,Given name,Surname,Gender,E-mail,Language,Group,Vote 2024"]
    keys, norwegian = [], codes.index("NO")
    for at in range(number):
        code = codes[at % len(codes)]
        group, vote = ("SOC", "EPP/CD", "ALDE", "")[at % 4], ("for", "against", "")[at % 3]
        address = f"kim{at}@{code.lower()}.parliament.example"
        row = (code, "representative", "Kim", f"Surname{at}", "f", address, "en", group, vote)
        lines.append(",".join(row))
        keys.append(person_key(code, f"Kim Surname{at}"))
    (root / "contacts").mkdir()
    (root / "contacts" / "all.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    folder = root / "templates" / "vote"
    folder.mkdir(parents=True)
    (folder / "en.md").write_text("Subject: x\nPreview: x\n\n{{ greeting }}\n\nPlease.\n")
    (folder / "appeal.toml").write_text('title = "A vote"\n[languages]\nfallback = ["en"]\n')
    return keys, norwegian


def note(ledger: Ledger, keys: list[str]) -> None:
    """Note where everybody stands, straight into the table."""
    stands = [one.value for one in Position]
    rows = [
        {
            "appeal": "vote", "person": key, "name": key[3:], "delegation": key[:2],
            "position": stands[at % 5], "source": "call", "note": "said so",
            "next_step": "ring again" if at % 9 == 0 else "",
            "due": date(2027, 1, 1) + timedelta(at % 20), "owner": "Jana",
            "at": datetime(2027, 1, 1, tzinfo=UTC), "who": "Jana", "newest": True,
        }
        for at, key in enumerate(keys)
    ]  # fmt: skip
    with ledger.writing() as connection:
        connection.execute(sa.insert(member_position), rows)


async def ask(console: Console, norwegian: int) -> dict[str, tuple[float, float]]:
    """Return {page: (cold, median)} in milliseconds."""
    transport = httpx.ASGITransport(application(console, {"127.0.0.1:8025"}))
    found = {}
    async with httpx.AsyncClient(transport=transport, base_url=HERE, timeout=600) as client:
        await client.get(f"/sign-in?key={console.sessions.new_key()}")
        await client.get("/letters/vote/board")  # reads the sheets
        for name, path in PAGES.items():
            with console.ledger.writing() as connection:
                done = sa.update(member_position).where(member_position.c.id == 1)
                connection.execute(done.values(note=name))
            console.boards.clear()
            times = []
            for _ in range(ROUNDS):
                begun = time.perf_counter()
                answer = await client.get(f"/letters/vote{path.format(norwegian=norwegian)}")
                times.append(1000 * (time.perf_counter() - begun))
                assert answer.status_code == 200, answer.text
            found[name] = (times[0], statistics.median(times[1:]))
    return found


def main(sizes: tuple[int, ...] = SIZES) -> None:
    columns = []
    for number in sizes:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            settings = f"{CONFIG}[positions]\nkeep_until = 2099-12-31\n"
            (root / "config.toml").write_text(settings, encoding="utf-8")
            keys, norwegian = people(root, number)
            with Ledger(f"sqlite:///{root / '.mailer' / 'ledger.db'}") as ledger:
                fill(ledger, number)
                note(ledger, keys)
                sessions = BrowserSessions(ledger, now=ledger.now)
                console = Console(
                    WorkspaceCache(root), ledger, sessions, "bench", lambda _: None, HERE,
                    frozenset({HERE}),
                )  # fmt: skip
                columns.append(asyncio.run(ask(console, norwegian)))
    measure.table(
        ["page, ms (cold / median)", *(f"{number:,}" for number in sizes)],
        [
            [name, *(f"{one[name][0]:,.0f} / {one[name][1]:,.0f}" for one in columns)]
            for name in PAGES
        ],
    )


if __name__ == "__main__":
    import sys

    main(tuple(int(word) for word in sys.argv[1:]) or SIZES)
