"""Pages of the console: server time at 612, 100,000 and 1,000,000 deliveries.

The time is that of the whole answer, from the request to the last byte of HTML, without a network.
"cold" is the first page after something has happened in the mail-out (counts are made anew), the
rest are medians; the first cold page of all is also the first of its console. The larger log is
made once for a run; the send log stands on the disk of the temporary folder.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import sqlalchemy as sa

from bench import measure
from mailer.base.delegations import Delegations
from mailer.base.spelling import tokens
from mailer.console.access.sessions import BrowserSessions
from mailer.console.app import application
from mailer.console.request import Console, WorkspaceCache
from mailer.ledger.ledger import Ledger
from mailer.ledger.schema import delivery, event, letter, mail_out
from mailer.letters.message import pieces

SIZES = (612, 100_000, 1_000_000)
ROUNDS = 7
HERE = "http://127.0.0.1:8025"
CONFIG = (
    '[sender]\nfrom = "us@rights.example"\norganisation = "Rights"\n[smtp]\nhost ='
    ' "127.0.0.1"\nsecurity = "none"\n'
)
PAGES = {
    "mail-out": "",
    "outcomes, first page": "/outcomes",
    "… deep in it": "/outcomes?after={middle}",
    "… one state": "/outcomes?state=refused",
    "… state and delegation": "/outcomes?state=unknown&delegation=MT",
    "… two words of a name": "/outcomes?q=anna+berg1234",
    "… a word of nobody": "/outcomes?q=nobodyhasthis",
    "… what was said": "/outcomes?q=queued+4F1C2A9B7D",
    "… by name, deep in it": "/outcomes?sort=name&after={middle}",
    "… newest first": "/outcomes?sort=-changed",
    "… reason and role": "/outcomes?reason=mailbox_full&role=chair",
    "… a rare group": "/outcomes?group=RARE",
    "delegations": "/delegations",
    "one person": "/people/{middle}",
}
LETTER = b"Subject: x\r\nTo: <anna@no.example>\r\n\r\nx\r\n"
DIGEST = pieces.digest(LETTER, "")
STATES = (
    ("accepted", "", 96.5),
    ("refused", "no_such_mailbox", 1.2),
    ("refused", "mailbox_full", 0.3),
    ("unknown", "broke_after_hand_over", 0.1),
    ("skipped", "no_address", 1.5),
    ("deferred", "try_later", 0.4),
)


def fill(ledger: Ledger, number: int) -> None:
    """Write a mail-out of so many invented people straight into the tables."""
    rng = random.Random(1)
    codes = [one.code for one in Delegations.load().members]
    at = datetime(2027, 1, 20, 8, tzinfo=UTC)
    with ledger.writing() as connection:
        connection.execute(
            sa.insert(mail_out).values(
                id=1, appeal="vote", title="A vote", state="finished", mode="test", hash="0",
                server="", sender="us@rights.example", sources=b"", planned_at=at, started_at=at,
                ended_at=at + timedelta(hours=5),
            )
        )  # fmt: skip
        connection.execute(
            sa.insert(letter).values(digest=DIGEST, data=zlib.compress(LETTER), shared="")
        )
        for start in range(1, number + 1, 10_000):
            rows = [
                _row(rng, codes, at, one) for one in range(start, min(start + 10_000, number + 1))
            ]
            connection.execute(sa.insert(delivery), rows)
            ends = [row for row in rows if row["state"] != "skipped"]
            connection.execute(
                sa.insert(event),
                [{"mail_out_id": 1, "delivery_id": row["number"], "kind": row["state"],
                  "reason": row["reason"], "at": row["changed_at"]}
                 for row in ends],
            )  # fmt: skip


def _row(rng: random.Random, codes: list[str], at: datetime, number: int) -> dict[str, object]:
    state, reason, _ = rng.choices(STATES, [weight for *_, weight in STATES])[0]
    code = rng.choice(codes)
    name = (
        f"{rng.choice(('Anna', 'Jo', 'Zoë', 'Léa', 'Ivo'))}"
        f" {rng.choice(('Berg', 'Exemple', 'Příklad', 'Muster'))}{number}"
    )
    address = f"person{number}@{code.lower()}.parliament.example"
    return {
        "mail_out_id": 1, "number": number, "position": number, "person": f"{code}:{name.lower()}",
        "name": name, "address": address, "address_key": address, "delegation": code,
        "role": rng.choice(("representative", "substitute", "chair")),
        "political_group": rng.choice(("SOC", "EPP/CD", "ALDE")),
        "language": rng.choice(("en", "fr")), "file": "contacts/all.csv", "sheet": "",
        "row": number + 1, "cell": f"{number + 1}:7", "message_id": f"<{number}@rights.example>",
        "digest": DIGEST if state != "skipped" else None, "state": state, "reason": reason,
        "detail": "", "code": 250, "enhanced": "2.0.0", "text": "queued as 4F1C2A9B7D",
        "attempts": 1, "changed_at": at + timedelta(seconds=number // 20),
        "words": " ".join(tokens(f"{name} {address}")),
    }  # fmt: skip


async def ask(console: Console, number: int) -> dict[str, tuple[float, float]]:
    """Return {page: (cold, median)} in milliseconds."""
    transport = httpx.ASGITransport(application(console, {"127.0.0.1:8025"}))
    found = {}
    async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
        await client.get(f"/sign-in?key={console.sessions.new_key()}")
        for name, path in PAGES.items():
            with console.ledger.writing() as connection:
                told = {"mail_out_id": 1, "delivery_id": number // 3, "kind": "noted"}
                connection.execute(sa.insert(event).values(**told, at=console.ledger.now()))
            times = []
            for _ in range(ROUNDS):
                begun = time.perf_counter()
                answer = await client.get(f"/mail-outs/M-0001{path.format(middle=number // 2)}")
                times.append(1000 * (time.perf_counter() - begun))
                assert answer.status_code == 200, answer.text
            found[name] = (times[0], statistics.median(times[1:]))
    return found


def main(sizes: tuple[int, ...] = SIZES) -> None:
    columns = []
    for number in sizes:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "config.toml").write_text(CONFIG, encoding="utf-8")
            (root / "contacts").mkdir()
            with Ledger(f"sqlite:///{root / '.mailer' / 'ledger.db'}") as ledger:
                fill(ledger, number)
                sessions = BrowserSessions(ledger, now=ledger.now)
                console = Console(
                    WorkspaceCache(root),
                    ledger,
                    sessions,
                    "bench",
                    lambda _: None,
                    HERE,
                    frozenset({HERE}),
                )
                columns.append(asyncio.run(ask(console, number)))
    heads = ["page, ms (cold / median)", *(f"{number:,}" for number in sizes)]
    measure.table(
        heads,
        [
            [name, *(f"{one[name][0]:,.0f} / {one[name][1]:,.0f}" for one in columns)]
            for name in PAGES
        ],
    )


if __name__ == "__main__":
    import sys

    main(tuple(int(word) for word in sys.argv[1:]) or SIZES)
