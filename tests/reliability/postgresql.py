"""A PostgreSQL of the test's own, which may be stopped in the middle of everything."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from .peers import free_port, open_folder

FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
PROGRAMS = FOLDERS[-1] if FOLDERS else Path(shutil.which("initdb") or "/nowhere/initdb").parent


def own_postgresql_is_missing() -> bool:
    return not (PROGRAMS / "initdb").exists() or not (PROGRAMS / "pg_ctl").exists()


class OwnPostgresql:
    def __enter__(self) -> OwnPostgresql:
        self.folder, self.port = open_folder(), free_port()
        self.url = f"postgresql://mailer@127.0.0.1:{self.port}/postgres"
        if os.geteuid() == 0:  # it refuses to run as root
            shutil.chown(self.folder, "postgres")
        self._do("initdb", "-D", f"{self.folder}/db", "-A", "trust", "-U", "mailer")
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_at_once()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        settings = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        self._do(
            "pg_ctl",
            "-D",
            f"{self.folder}/db",
            "-w",
            "-l",
            f"{self.folder}/log",
            "-o",
            settings,
            "start",
        )

    def stop_at_once(self) -> None:
        self._do("pg_ctl", "-D", f"{self.folder}/db", "-m", "immediate", "stop")

    def _do(self, program: str, *args: str) -> None:
        command = [str(PROGRAMS / program), *args]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60, cwd="/")
