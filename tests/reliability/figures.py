"""What the long tests have measured, one file a test, and the table in `docs/reliability.md` that
is made of it.

A test calls `note`; one that is not long has the mark `figures`. `python -m
tests.reliability.figures` puts the figures between the two markers of the document, with `--anew`
it forgets those of earlier runs. What did not run has no line.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("MAILER_TEST_FIGURES") or ROOT / ".pytest_cache" / "figures")
DOCUMENT = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def note(test: str, what: str, size: str, found: str) -> None:
    """Keep what one test found: its number and part (`T2 sqlite`), what it does, how large, what
    came out.

    Parts with the same number and words become one line of the table, with their figures added up.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    line = {
        "test": test,
        "what": what,
        "size": size,
        "found": found,
        "at": f"{datetime.now(UTC):%Y-%m-%d}",
    }
    (FOLDER / f"{test.replace(' ', '-').replace('/', '-')}.json").write_text(
        json.dumps(line), encoding="utf-8"
    )


def table() -> str:
    lines = [json.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.json")]
    lines.sort(key=lambda line: (int(line["test"].split()[0][1:]), line["test"]))
    together: dict[tuple[str, str], list[dict[str, str]]] = {}
    for line in lines:
        together.setdefault((line["test"].split()[0], line["what"]), []).append(line)
    rows = ["| test | what | size | found | run on |", "| --- | --- | --- | --- | --- |"]
    for (test, what), parts in together.items():
        size, found = (added([part[key] for part in parts]) for key in ("size", "found"))
        rows.append(f"| {test} | {what} | {size} | {found} | {max(part['at'] for part in parts)} |")
    return "\n".join(rows)


def added(texts: list[str]) -> str:
    """Add up what several tests found: `50 campaigns, 99 kills` twice is `100 campaigns, 198
    kills`.

    What is the same everywhere is said once; what is no list of figures stands side by side.
    """
    if len(set(texts)) == 1 and not re.match(r"[\d,]+ ", texts[0]):
        return texts[0]
    head, sums, mark = "", Counter[str](), ""
    for text in texts:
        first, colon, rest = text.partition(": ")
        for part in re.split(r", (?=\d)| · ", first) + re.split(r" · |, (?=\d)", rest) * bool(
            colon
        ):
            figure = re.fullmatch(r"([\d,]+) (.+)", part)
            if figure is None:
                return " / ".join(dict.fromkeys(texts))
            sums[figure[2]] += int(figure[1].replace(",", ""))
        mark = " · " if " · " in text else mark or ", "
        head = re.sub(r"^[\d,]+ ", "", first) if colon else ""
    words = [f"{number:,} {what}" for what, number in sums.items() if what != head]
    return (f"{sums[head]:,} {head}: " if head else "") + mark.join(words)


def main() -> int:
    if "--anew" in sys.argv:
        shutil.rmtree(FOLDER, ignore_errors=True)
        return 0
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}", encoding="utf-8")
    print(table())
    return 0


if __name__ == "__main__":
    sys.exit(main())
