"""The endpoints under test, the processes behind them, and the runner of the cases."""
import faulthandler
import os
import re
import sys
import time
import traceback

from http2 import Connection, grpc_frame, tls, unix

COUNT = float(os.environ.get("SPIRE_PEERS_SCALE", "1"))
JWT = b"\x0a\x02db"
HEADER = [("workload.spiffe.io", "true")]


def give_up_after(seconds):
    """Nothing here may hang: at the end of this time the program says where it is and ends."""
    faulthandler.dump_traceback_later(seconds, exit=True)


class Process:
    """A daemon: its memory, descriptors and log."""

    def __init__(self, name):
        self.name = name
        self.pid = int(os.environ[name + "_PID"])
        self.log_path = os.environ[name + "_LOG"]

    @property
    def alive(self):
        try:
            with open(f"/proc/{self.pid}/stat") as f:
                return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
        except FileNotFoundError:
            return False

    @property
    def anonymous(self):
        """RssAnon in bytes."""
        with open(f"/proc/{self.pid}/status") as f:
            return int(re.search(r"RssAnon:\s+(\d+) kB", f.read())[1]) * 1024

    @property
    def descriptors(self):
        """Those of connections: sockets and the handles of processes. Readers of the database stay open."""
        count = 0
        for name in os.listdir(f"/proc/{self.pid}/fd"):
            try:
                count += os.readlink(f"/proc/{self.pid}/fd/{name}").startswith(("socket:", "anon_inode:[pidfd"))
            except OSError:
                pass
        return count

    def log(self, mark=0):
        with open(self.log_path, "rb") as f:
            f.seek(mark)
            return f.read().decode(errors="replace").splitlines()

    @property
    def mark(self):
        return os.path.getsize(self.log_path)


class Endpoint:
    """Where a daemon serves, with a unary method and a stream that anybody may call there."""

    def __init__(self, name, process, open_socket, unary, stream, streams_answer, calls=1000):
        self.name, self.process, self.socket = name, process, open_socket
        self.unary, self.stream, self.streams_answer = unary, stream, streams_answer
        # At the same time, as it announces to this client.
        self.calls = calls

    def connect(self, **options):
        connection = Connection(self.socket(), **options)
        connection.until(lambda: connection.settings is not None, "settings")
        return connection

    def call(self, connection, **options):
        path, message, more = self.unary
        return connection.call(path, message, more=more, **options)

    def check(self, connection):
        """A plain call works."""
        reply = self.call(connection)
        assert reply.http == 200 and reply.grpc == 0, reply
        return reply

    def open_stream(self, connection, end=None):
        path, message, more = self.stream
        return connection.begin(path, message, end=self.streams_answer if end is None else end, more=more)


def eventually(what, condition, patience=20.0):
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"did not happen in {patience} s: {what}")
        time.sleep(0.02)


def endpoints():
    server, agent = Process("SERVER"), Process("AGENT")
    port, bundle = int(os.environ["SERVER_PORT"]), os.environ["BUNDLE"]
    return [
        Endpoint("server TCP", server, lambda: tls(port, bundle),
                 ("/spire.api.server.bundle.v1.Bundle/GetBundle", grpc_frame(b""), []),
                 ("/spire.api.server.agent.v1.Agent/AttestAgent", None, []), False, calls=100),
        Endpoint("server admin", server, lambda: unix(os.environ["SERVER_SOCKET"]),
                 ("/grpc.health.v1.Health/Check", grpc_frame(b""), []),
                 ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", None, []), False),
        Endpoint("agent", agent, lambda: unix(os.environ["SPIFFE_ENDPOINT_SOCKET"].removeprefix("unix://")),
                 ("/SpiffeWorkloadAPI/FetchJWTSVID", grpc_frame(JWT), HEADER),
                 ("/SpiffeWorkloadAPI/FetchX509SVID", grpc_frame(b""), HEADER), True),
    ]


class Runner:
    """Runs cases against endpoints; after each, looks at the process behind."""

    def __init__(self, growth=48 << 20):
        self.failed, self.growth = [], growth
        give_up_after(560)

    def run(self, endpoint, case, known=()):
        if not endpoint.process.alive:
            return
        name = f"{endpoint.name}: {(case.__doc__ or case.__name__).splitlines()[0].rstrip('.')}"
        process = endpoint.process
        started = time.monotonic()
        try:
            witness = endpoint.connect()
            endpoint.check(witness)
            descriptors, memory, mark = process.descriptors, process.anonymous, process.mark
            expected = case(endpoint)
            if expected == "skip":
                witness.close()
                return
            assert process.alive, "the process is gone"
            if getattr(case, "takes_room", False):  # of strangers that ask for nothing: they are told to come back
                witness.pump(0)
                if witness.goaway == 0:
                    witness.close()
                    witness = endpoint.connect()
            endpoint.check(witness)
            eventually("descriptors back", lambda: process.descriptors <= descriptors, 60)
            grown = process.anonymous - memory
            assert grown <= self.growth, f"{grown >> 20} MiB more memory"
            lines = complaints(process, mark)
            if expected == "logged":
                eventually("a log line about the connection",
                           lambda: complaints(process, mark) or log_is_full(process), 5)
                lines = complaints(process, mark)
            assert len(lines) <= (getattr(case, "connections", 1)), "more than one line per connection:\n" + "\n".join(lines[:9])
            witness.close()
            eventually("descriptors back", lambda: process.descriptors < descriptors)
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)
            line = next((f.lineno for f in reversed(place) if not f.filename.endswith(("http2.py", "subjects.py"))), 0)
            text = f"{name}: line {line}: {type(error).__name__} {error}"[:1500]
            if (endpoint.name, case.__name__) in known or ("", case.__name__) in known:
                print("known", text, flush=True)
            else:
                print("FAIL ", text, flush=True)
                self.failed.append(text)
            return
        print(f"ok    {name} ({time.monotonic() - started:.2f} s)", flush=True)

    def end(self):
        if self.failed:
            sys.exit(f"{len(self.failed)} failed:\n" + "\n".join(self.failed))
        print("peers: ok")


def complaints(process, mark):
    """The log lines that say what was wrong with a connection."""
    return [line for line in process.log(mark) if COMPLAINT.search(line) and SLOW not in line]


COMPLAINT = re.compile(r'msg="?Connection (closed|not accepted)')

SLOW = "no HTTP/2 request began"  # comes 20 s later, while other cases run


def log_is_full(process):
    """The log takes twenty of these lines in ten seconds, so that nobody can fill it."""
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 11))
    recent = [line for line in complaints(process, 0) if line[6:26] >= since]
    return len(recent) >= 20


def selected(cases):
    """The cases whose names contain an argument of the program, or all; -NAME leaves some out."""
    words = [w for w in sys.argv[1:] if not w.startswith("-")]
    without = [w[1:] for w in sys.argv[1:] if w.startswith("-")]
    return [c for c in cases if (not words or any(w in c.__name__ for w in words))
            and not any(w in c.__name__ for w in without)]
