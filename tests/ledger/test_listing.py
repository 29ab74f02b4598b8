"""Facts about the table of outcomes: what a filter means is found in one index alone."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading import listing
from mailer.ledger.reading.listing import Wanted
from tests.conftest import a_plan


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(roles=("chair",)),
        Wanted(groups=("RARE",), languages=("fr",)),
        Wanted(reasons=("mailbox_full",), delegations=("MT",)),
    ],
)
def test_few_are_found_without_reading_everybodys_row(
    sqlite_ledger: Ledger, wanted: Wanted
) -> None:
    with sqlite_ledger.writing() as connection:
        mail_out = mailouts.create(connection, a_plan(9), at=sqlite_ledger.now(), who="test")
    asked: list[tuple[str, Any]] = []
    with sqlite_ledger.reading() as connection:
        sa.event.listen(
            connection,
            "before_cursor_execute",
            lambda _c, _cursor, sql, values, *_: asked.append((sql, values)),
        )
        page = listing.page(connection, mail_out, wanted)
        assert listing.count(connection, page) == len(page.rows) == 0
        plans = [
            " ".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", how))
            for sql, how in list(asked)
            if "delivery.mail_out_id = ?" in sql
        ]
    assert len(plans) == 2
    assert all("USING COVERING INDEX ix_delivery_table" in plan for plan in plans), plans
