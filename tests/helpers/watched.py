"""Run as `python tests/helpers/watched.py FILE ARGS…`: the command line, with every connection it
opens written into FILE.

Python's audit events see every address that is connected to or looked up, whatever library asks.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    record = Path(sys.argv.pop(1)).open("a", encoding="utf-8", buffering=1)  # noqa: SIM115 - until the process ends

    def watch(event: str, args: tuple[object, ...]) -> None:
        if event in ("socket.connect", "socket.sendto"):
            record.write(f"{event} {args[1]!r}\n")
        elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
            record.write(f"{event} {args[0]!r}\n")

    sys.addaudithook(watch)
    from mailer.__main__ import main

    main()
