"""What the long tests have measured, one file a test, and the table in `docs/reliability.md` that is made of it.

A long test calls `note`. `python -m tests.reliability.figures` puts the newest figures between the two markers of the
document; what did not run on this machine stands there by name.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("MAILER_TEST_FIGURES") or ROOT / ".pytest_cache" / "figures")
DOCUMENT = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def note(test: str, what: str, size: str, found: str) -> None:
    """Keep one line of the table: the test's number and part (`T2 sqlite`), what it does, how large, what came out."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    line = {"test": test, "what": what, "size": size, "found": found, "at": f"{datetime.now(UTC):%Y-%m-%d}"}
    (FOLDER / f"{test.replace(' ', '-').replace('/', '-')}.json").write_text(json.dumps(line), encoding="utf-8")


def table() -> str:
    lines = [json.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.json")]
    lines.sort(key=lambda line: (int(line["test"].split()[0][1:]), line["test"]))
    rows = ["| test | what | size | found | run on |", "| --- | --- | --- | --- | --- |"]
    return "\n".join(
        rows
        + [f"| {' | '.join(str(line[key]) for key in ('test', 'what', 'size', 'found', 'at'))} |" for line in lines]
    )


def main() -> int:
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}", encoding="utf-8")
    print(table())
    return 0


if __name__ == "__main__":
    sys.exit(main())
