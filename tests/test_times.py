"""Facts about times: wherever people read one, it names its zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from mailer.console.language.languages import spoken
from mailer.console.language.translation import Translation
from mailer.report.totals import in_its_zone, local

PACKAGE = Path(__file__).parents[1] / "mailer"
HOME = "report/totals.py"
"""Where the words for it are put together."""
NAMED = re.compile(r"zone_name\(|tzname\(\)|UTC|\{where\}|%Y-%m-%dT%H:%M|%Y-%m-%d %H:%M\}\", hint")
"""How a time names its zone; a setting of a file is repeated as it stands there."""


def test_times_on_all_screens_say_their_zone() -> None:
    without = [
        f"{path.relative_to(PACKAGE)}:{number}: {line.strip()}"
        for path in PACKAGE.rglob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if "%H:%M" in line and not NAMED.search(line)
    ]
    assert [one for one in without if not one.startswith(HOME)] == []
    moment = datetime(2027, 1, 20, 8, 0, tzinfo=UTC)
    for said in (
        Translation("en").clock(moment),
        *(Translation(one).moment(moment) for one in spoken()),
        Translation("en").there(moment),
        local(moment),
        in_its_zone(moment.astimezone(ZoneInfo("Asia/Baku"))),
    ):
        assert re.search(r"\d:\d\d(:\d\d)?(\s[A-Z][a-z]+)? (UTC[+-]\d+|[A-Z]{3,5})", said), said
