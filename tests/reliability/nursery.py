"""Where the lives of senders begin: one process that has imported everything, and forks a child for
each of them.

It has one thread and no open database, so that forking is safe; a child begins 0.01 s after it was
asked for. Speaks JSON, a line a message: {"live": {…}} → the process id; {"wait": id} → the wait
status.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

from tests.helpers.children import Child

ROOT = Path(__file__).resolve().parents[2]


class Nursery:
    """Use as a context. `begin` starts a life (`lives.live`), `end` waits for it."""

    def __init__(self, folder: Path) -> None:
        self.words = folder / "lives.stderr"

    def __enter__(self) -> Nursery:
        command = [sys.executable, "-m", __name__]
        with self.words.open("wb") as words:
            self._process = Child(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=words,
                cwd=ROOT,
                text=True,
            )
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self._process.end()
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def begin(self, **life: Any) -> int:
        return self._ask({"live": life})

    def end(self, process: int, *, any_code: bool = False) -> int:
        """Return the exit code; negative: the signal it died of. Anything unforeseen is an error,
        with its traceback.
        """
        code = os.waitstatus_to_exitcode(self._ask({"wait": process}))
        assert any_code or code in (
            0,
            3,
            -9,
        ), f"a life ended with {code}:\n{self.words.read_text()[-4000:]}"
        return code

    def live(self, **life: Any) -> int:
        return self.end(self.begin(**life))

    def _ask(self, question: dict[str, Any]) -> int:
        assert self._process.stdin is not None and self._process.stdout is not None
        print(json.dumps(question), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())


def main() -> None:
    from . import lives

    for line in sys.stdin:
        question = json.loads(line)
        if "wait" in question:
            print(os.waitpid(question["wait"], 0)[1], flush=True)
            continue
        child = os.fork()
        if child == 0:
            code = 70
            try:
                code = lives.live(**question["live"])
            except BaseException:  # the child must never go on in the loop of its parent
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        print(child, flush=True)


if __name__ == "__main__":
    main()
