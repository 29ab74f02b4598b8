"""Round trips a letter over a line of 50 ms: the mailer beside aiosmtplib and nodemailer, on 8 and
64 connections.

The line is a proxy in a process of its own (`bench.delay`) that passes everything on 25 ms later,
in both directions. What it really takes there and back is measured first, with an idle connection,
and round trips are counted in that. Connecting, greeting, EHLO and QUIT are part of it, as is the
record that the mailer keeps: see `bench.sending`.
"""

from __future__ import annotations

import smtplib
import statistics
import tempfile
import time
from pathlib import Path

from bench import measure, people, rivals
from bench.sending import Bytes, Mailer, _letters

DELAY = 0.025  # seconds, each way
CONNECTIONS = (8, 64)
MANY = 256  # for the mailer alone
EACH = 100  # letters on each connection, so that the way to the first does not count for much,
FEW = 50  # and for those that need four round trips a letter
ROUNDS = 2
OURS, OTHERS, ROWS = "mailer", "aiosmtplib sendmail, bytes", "nodemailer pool, raw"
ALONE = "mailer, no PIPELINING offered"

Cases = dict[str, measure.Case | measure.Program]


def main(
    connections: tuple[int, ...] = CONNECTIONS, rounds: int = ROUNDS, many: int = MANY
) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        measure.smtp_sink() as sink,
        measure.smtp_sink("-p") as plain,
        measure.helper("delay", sink, DELAY) as (port, _),
        measure.helper("delay", plain, DELAY) as (slow_port, _),
    ):
        trip = _round_trip(port)
        print(
            f"One round trip takes {1000 * trip:.1f} ms; {EACH} or {FEW} letters on each"
            f" connection, {rounds} rounds\n",
            flush=True,
        )
        logs = {
            number: Path(folder) / f"{number}.db"
            for number in {many * FEW}.union(
                connection * each for connection in connections for each in (EACH, FEW)
            )
        }
        for number, log in logs.items():
            people.planned(log, number)
        cases: Cases = {}
        for number in connections:
            _add(cases, logs[number * EACH], logs[number * FEW], port, slow_port, number)
        last: Cases = {_name(OURS, many): Mailer(logs[many * FEW], port, many)}
        results = measure.rounds(cases, rounds) | measure.rounds(last, 1)
    _table(results, trip)


def _add(cases: Cases, log: Path, few: Path, port: int, slow_port: int, number: int) -> None:
    letters = rivals.letters_file(_letters(log))
    arguments = (str(port), str(number), str(letters), "raw")
    cases[_name(OURS, number)] = Mailer(log, port, number)
    rivals.add(
        cases,
        _name(ROWS, number),
        lambda: measure.Program(("node", str(rivals.nodemailer()), *arguments)),
    )
    cases[_name(OTHERS, number)] = Bytes(few, port, number)
    cases[_name(ALONE, number)] = Mailer(few, slow_port, number)


def _table(results: dict[str, list[measure.Measured]], trip: float) -> None:
    rows = []
    for name, measured in results.items():
        number = _connections(name)
        beside = [_times(results, measured, _name(other, number)) for other in (OTHERS, ROWS)]
        trips = number / measure.rate(measured) / trip
        rows.append(
            [name, measure.rates(measured), f"{trips:.2f}", *beside, measure.processor(measured)]
        )
    measure.table(
        [
            "sender",
            "letters/s",
            "round trips a letter",
            "of aiosmtplib",
            "of nodemailer",
            "CPU µs/letter",
        ],
        rows,
    )
    fewest, most = (measure.rate(results[name]) for name in _ends(results))
    print(
        f"\nThe mailer, from {' to '.join(map(str, _numbers(results)))} connections:"
        f" {most / fewest:.1f} × as fast"
    )


def _ends(results: dict[str, list[measure.Measured]]) -> tuple[str, str]:
    fewest, most = _numbers(results)
    return _name(OURS, fewest), _name(OURS, most)


def _numbers(results: dict[str, list[measure.Measured]]) -> tuple[int, int]:
    """Return the fewest and the most connections of a comparison."""
    numbers = [_connections(name) for name in results if name.startswith(OTHERS)]
    return min(numbers), max(numbers)


def _times(
    results: dict[str, list[measure.Measured]], measured: list[measure.Measured], other: str
) -> str:
    return (
        f"{measure.rate(measured) / measure.rate(results[other]):.1f} ×" if other in results else ""
    )


def _name(sender: str, connections: int) -> str:
    return f"{sender}, {connections} conn."


def _connections(name: str) -> int:
    return int(name.rsplit(" ", 2)[-2])


def _round_trip(port: int) -> float:
    """Return the median seconds of NOOP on an idle connection."""
    times = []
    with smtplib.SMTP("127.0.0.1", port, local_hostname="rights.example") as client:
        for _ in range(15):
            begun = time.perf_counter()
            client.noop()
            times.append(time.perf_counter() - begun)
    return statistics.median(times)


if __name__ == "__main__":
    main()
