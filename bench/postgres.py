"""PostgreSQL beside Kouan: a cluster of its own for the time of a measurement, and pgbench's load on it.

Nothing but a socket in the cluster's own directory is opened. The cluster is made, started and stopped here, by its
process; durability is on (fsync, synchronous_commit, full pages), and no checkpoint falls into a short measurement.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self

SQL = Path(__file__).parent / "sql"
CLIENTS = 64
THREADS = 2
LIMIT_MINOR = 4_000_000
"""What may be drawn on each declaration: what `bench.port.quotas` gives each quota."""
SETTINGS = {
    "autovacuum": "off",
    "checkpoint_timeout": "1h",
    "enable_seqscan": "off",  # plans are made while the tables are empty, and would stay
    "fsync": "on",
    "full_page_writes": "on",
    "listen_addresses": "",
    "max_wal_size": "16GB",
    "shared_buffers": "512MB",
    "synchronous_commit": "on",
}
PROGRAMS = ("initdb", "postgres", "pgbench", "psql")
START_SECONDS = 60


class UnavailableError(Exception):
    """PostgreSQL is not to be had on this machine; the text says why."""


class FailedError(Exception):
    """One of PostgreSQL's programs failed; the text has its last words."""


def binaries() -> Path:
    """Return the directory of PostgreSQL's programs, the newest there is; raises UnavailableError."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: (len(place.parent.name), place))
    on_path = shutil.which("initdb")
    if on_path:
        places.append(Path(on_path).resolve().parent)
    for place in reversed(places):
        if all((place / program).exists() for program in PROGRAMS):
            return place
    raise UnavailableError(f"neither /usr/lib/postgresql/*/bin nor the path has {', '.join(PROGRAMS)}")


def install() -> Path:
    """Return the directory of PostgreSQL's programs, installed with apt where they are missing and that is possible."""
    try:
        return binaries()
    except UnavailableError as missing:
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise UnavailableError(f"{missing}, and only root can install them, with apt-get") from None
    _apt_get("update")
    _apt_get("install", "--yes", "--no-install-recommends", "postgresql-common")
    with Path("/etc/postgresql-common/createcluster.conf").open("a") as settings:
        settings.write("create_main_cluster = false  # the measurement makes its own\n")
    _apt_get("install", "--yes", "--no-install-recommends", "postgresql")
    return binaries()


def _apt_get(*arguments: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(["apt-get", *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnavailableError(f"`apt-get {' '.join(arguments)}` failed: {done.stderr.strip()[-300:]}")


class Cluster:
    """A running cluster with the tables of `sql/schema.sql`; to be used in a ``with`` statement."""

    def __init__(self, programs: Path, beside: Path, declarations: int) -> None:
        """Make it in ``beside``, so that both sides write to the same disk; raises UnavailableError."""
        self._programs = programs
        self._declarations = declarations
        self._user = _unprivileged_user()
        self._directory = _own_directory(beside, self._user)
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it and fill the table of declarations."""
        try:
            data = str(self._directory / "data")
            self._run("initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", "--pgdata", data, "--username=bench")
            settings = [f"-c{name}={value}" for name, value in SETTINGS.items()]
            command = [str(self._programs / "postgres"), "-D", data, f"-k{self._directory}", *settings]
            with (self._directory / "log").open("wb") as log:
                self._server = subprocess.Popen(command, stdout=log, stderr=log, **self._as_user())
            self._await_start()
            self.ask((SQL / "schema.sql").read_text())
            self.ask(
                f"insert into declaration (id, limit_minor) "  # noqa: S608  # numbers of our own
                f"select number, {LIMIT_MINOR} from generate_series(1, {self._declarations}) number"
            )
            self.ask("vacuum analyze")
        except FailedError as problem:
            self.__exit__()
            raise UnavailableError(str(problem)) from None
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it, by its process, and take everything away."""
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)  # "fast": roll back, write out, end
            self._server.wait()
        shutil.rmtree(self._directory)

    def ask(self, sql: str) -> str:
        """Execute SQL; return what it answers, unaligned, without headings."""
        options = ("--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1")
        return self._run("psql", *options, *self._where(), input=sql).strip()

    def rate(self, script: str, seconds: int) -> float:
        """Run one of the scripts in `sql/` from 64 clients, from empty tables; return transactions a second."""
        self.ask("truncate bare, loan, hold, audit")
        load = ("--protocol=prepared", f"--client={CLIENTS}", f"--jobs={THREADS}", f"--time={seconds}", "--no-vacuum")
        told = f"--define=declarations={self._declarations}"
        said = self._run("pgbench", *load, told, f"--file={SQL / script}", *self._where())
        refused = self.ask("select count(*) from audit where code <> 0")
        if refused != "0":
            raise AssertionError(f"{refused} holds were refused")
        found = re.search(r"^tps = ([0-9.]+) ", said, re.MULTILINE)
        if found is None:
            raise AssertionError(f"pgbench told no rate: {said}")
        return float(found[1])

    def _where(self) -> tuple[str, ...]:
        return (f"--host={self._directory}", "--username=bench", "postgres")

    def _run(self, program: str, *arguments: str, input: str = "") -> str:  # noqa: A002  # as subprocess calls it
        command = [str(self._programs / program), *arguments]
        done: subprocess.CompletedProcess[str] = subprocess.run(
            command, input=input, capture_output=True, text=True, check=False, **self._as_user()
        )
        if done.returncode:
            raise FailedError(f"{program} failed: {done.stderr.strip()[-500:]}")
        return done.stdout

    def _as_user(self) -> dict[str, Any]:
        """Return how a process is started: in the cluster's directory, without the caller's PostgreSQL settings."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        who = {"user": self._user, "group": pwd.getpwnam(self._user).pw_gid, "extra_groups": []} if self._user else {}
        return {"cwd": self._directory, "env": {**environment, "LC_ALL": "C"}, **who}

    def _await_start(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.ask("select 1")
            except FailedError as problem:
                server = self._server
                if time.monotonic() > deadline or server is None or server.poll() is not None:
                    said = (self._directory / "log").read_text()[-500:]
                    raise FailedError(f"the cluster did not start: {problem}; it says: {said}") from None
                time.sleep(0.1)
            else:
                return


def _unprivileged_user() -> str | None:
    """Return as whom the cluster is to run; None: as the caller. PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise UnavailableError("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody")


def _own_directory(beside: Path, user: str | None) -> Path:
    """Make the cluster's directory where its user can reach it: beside the ledgers, else where the system has room."""
    for place in (beside.resolve(), Path("/var/tmp")):  # noqa: S108  # a name of its own, for its user alone
        directory = Path(tempfile.mkdtemp(prefix="kouan-postgres-", dir=place))
        if user is None:
            return directory
        os.chown(directory, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
        reach = subprocess.run(["test", "-w", str(directory)], check=False, user=user, group="nogroup", extra_groups=[])
        if reach.returncode == 0:
            return directory
        directory.rmdir()
    raise UnavailableError(f"the user {user} can reach neither {beside} nor /var/tmp")
