"""What tests start ends with them, and hears signals however the tests themselves were started."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent

WAITS_FOR_EVER = """
import subprocess
from tests.helpers.children import Child

def test_it():
    with Child(["sh", "-c", "trap '' TERM; sleep 600 & echo $!; wait"], stdout=subprocess.PIPE,
               text=True) as child:
        print("grandchild", child.stdout.readline(), "child", child.pid)
        child.wait()
"""


def test_a_time_out_ends_the_children_of_a_test(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(WAITS_FOR_EVER, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", "--timeout", "2", tmp_path]
    ran = subprocess.run(
        command, cwd=TESTS.parent, capture_output=True, text=True, timeout=60, check=False
    )
    assert "1 failed" in ran.stdout and "Timeout" in ran.stdout, ran.stdout + ran.stderr
    (said,) = re.findall(r"^grandchild (\d+)\n child (\d+)$", ran.stdout, re.MULTILINE)
    for process in said:
        state = Path("/proc") / process / "status"
        assert not state.exists() or "zombie" in state.read_text(encoding="ascii")


def test_children_hear_what_a_shell_in_the_background_ignores() -> None:
    asks = "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
    code = (
        "import subprocess, sys; from tests.helpers.children import hear_signals;"
        f" ask = [sys.executable, '-c', {asks!r}]; subprocess.run(ask); hear_signals();"
        " subprocess.run(ask)"
    )
    shell = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", sys.executable, "-c", code]
    ran = subprocess.run(shell, cwd=TESTS.parent, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["True", "False"]


def test_no_test_starts_a_process_that_a_time_out_leaves_behind() -> None:
    wrong = [
        path.relative_to(TESTS).as_posix()
        for path in sorted(TESTS.rglob("*.py"))
        if path != Path(__file__) and re.search(r"subprocess\.Popen\(", path.read_text("utf-8"))
    ]
    assert wrong == [], "use tests.helpers.children.Child"
