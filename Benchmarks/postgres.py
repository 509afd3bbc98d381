"""A PostgreSQL of the benchmark's own, from Debian's package, on loopback in a temporary folder."""
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path


def programs():
    """The folder of the newest installed version; None without any."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: int(p.parts[4]))
    return found[-1].parent if found else None


class Postgres:
    def __init__(self):
        self.bin = programs()
        self.dir = Path(tempfile.mkdtemp(prefix="spire-pg-"))
        self.prefix, self.user = [], None
        if os.getuid() == 0:  # It does not run as root.
            self.user = next(u for u in ("postgres", "nobody") if any(p.pw_name == u for p in pwd.getpwall()))
            shutil.chown(self.dir, self.user)
            self.prefix = ["setpriv", "--reuid", self.user, "--regid", str(pwd.getpwnam(self.user).pw_gid), "--clear-groups"]
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.data = self.dir / "data"
        self.run("initdb", "-D", self.data, "-U", "spire", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.run("pg_ctl", "-D", self.data, "-w", "-l", self.dir / "log", "-o",
                 f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.dir} -c max_connections=300",
                 "start")
        self.run("createdb", "-h", "127.0.0.1", "-p", self.port, "-U", "spire", "spire")

    def run(self, program, *arguments):
        result = subprocess.run([*self.prefix, str(self.bin / program), *map(str, arguments)], cwd=self.dir,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if result.returncode:
            raise SystemExit(f"{program}: {result.stderr}")

    @property
    def connection_string(self):
        return f"host=127.0.0.1 port={self.port} user=spire dbname=spire sslmode=disable"

    def close(self):
        try:
            self.run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")
        finally:
            shutil.rmtree(self.dir, ignore_errors=True)
