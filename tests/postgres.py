"""A PostgreSQL server of one test run, on loopback, with a password, in a folder of its own.

Belongs here: finding the binaries, starting, stopping. The server refuses to run as root, so that root lends it to
`nobody`.
"""

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import pytest

PASSWORD = "s3cret-of-the-database"  # noqa: S105 - of a server that lives as long as the test
USER = "lifecycle"
NOBODY = "nobody"


@contextmanager
def server(*databases: str) -> Iterator[str]:
    """A running server with these databases; yields their URL without the name, `postgresql://user:...@host:port`.

    A server that cannot be found or started skips the test, and says why.
    """
    binaries = _binaries()
    # Not in pytest's folder: only its owner may enter that.
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        secret, data = folder / "password", folder / "data"
        secret.write_text(PASSWORD)
        if _is_root():
            shutil.chown(folder, NOBODY)
            shutil.chown(secret, NOBODY)
        _run(binaries / "initdb", "-D", data, "-U", USER, "-A", "scram-sha-256", f"--pwfile={secret}", "--no-sync")
        port = _free_port()
        settings = f"-c listen_addresses=127.0.0.1 -p {port} -c unix_socket_directories={folder} -c fsync=off"
        _run(binaries / "pg_ctl", "-D", data, "-l", folder / "log", "-o", settings, "-w", "start")
        try:
            for name in databases:
                _create(port, name)
            yield f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{port}"
        finally:
            _run(binaries / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder)


def _binaries() -> Path:
    """The newest of Debian's folders, or wherever `initdb` is found."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    found = debian[-1] if debian else shutil.which("initdb")
    if found is None:
        pytest.skip("PostgreSQL is not installed: make system-packages")
    return Path(found).parent


def _is_root() -> bool:
    return getpass.getuser() == "root" or os.geteuid() == 0


def _run(*command: str | Path) -> None:
    lent: Sequence[str] = (
        ("setpriv", f"--reuid={NOBODY}", f"--regid={_group()}", "--clear-groups") if _is_root() else ()
    )
    words = [*lent, *(str(word) for word in command)]
    # A server must not inherit the pipes of its starter, which would wait for their end.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(words, cwd="/", stdout=output, stderr=output, check=False)  # noqa: S603 - our own command
        output.seek(0)
        assert done.returncode == 0, output.read().decode()


def _group() -> str:
    import pwd

    return str(pwd.getpwnam(NOBODY).pw_gid)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _create(port: int, database: str) -> None:
    connection = psycopg2.connect(host="127.0.0.1", port=port, user=USER, password=PASSWORD, dbname="postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f'create database "{database}"')
    connection.close()
