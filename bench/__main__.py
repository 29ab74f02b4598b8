"""Run the benchmarks: all of them, or those that are named. `python -m bench
[attachments|contacts|…]`
"""

from __future__ import annotations

import sys
from importlib import import_module

NAMES = (
    "answers", "attachments", "board", "console", "contacts", "letters", "line", "memory", "others",
    "planning", "sending", "starting", "workers",
)  # fmt: skip


def main() -> None:
    chosen = sys.argv[1:] or NAMES
    if unknown := set(chosen) - set(NAMES):
        raise SystemExit(
            f"There is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}."
        )
    for name in chosen:
        print(f"\n== {name}\n", flush=True)
        import_module(f"bench.{name}").main()


if __name__ == "__main__":
    main()
