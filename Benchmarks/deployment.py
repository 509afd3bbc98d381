"""A server and an agent on loopback, in a temporary folder, and the load client that drives them."""
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from wire import Wire

BIN = Path(sys.argv[1])
W = Wire("server-and-agent-api", "workload-api")
TYPES = "spire.api.types."
API = "spire.api.server."
HEALTH, HEALTHY = "/grpc.health.v1.Health/Check", "0801"
WORKLOAD = ["-metadata", "workload.spiffe.io:true"]
FETCH_X509 = ["-method", "/SpiffeWorkloadAPI/FetchX509SVID", *WORKLOAD]


def anonymous(pid):
    """Anonymous memory of a process in MiB."""
    return int(re.search(r"RssAnon:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def cpu(pid):
    """Processor time of a process so far in seconds, to the nanosecond: its own clock (clock_getcpuclockid)."""
    return time.clock_gettime_ns((~pid << 3) | 2) / 1e9


def settle(pid, limit=20):
    """Waits until a process has done what it had to do: less than 1 % of a processor over half a second."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        before = cpu(pid)
        time.sleep(0.5)
        if cpu(pid) - before < 0.005:
            return


def median(values):
    values = sorted(values)
    return values[len(values) // 2]


def sid(path):
    return W.msg(TYPES + "SPIFFEID", trust_domain="example.org", path=path)


def entry(path, parent="/host", selector=None, id=""):
    kind, _, value = (selector or f"unix:uid:{os.getuid()}").partition(":")
    return W.msg(TYPES + "Entry", id=id, spiffe_id=sid(path), parent_id=sid(parent),
                 selectors=[W.msg(TYPES + "Selector", type=kind, value=value)])


def create(entries):
    return W.msg(API + "entry.v1.BatchCreateEntryRequest", entries=entries)


class Deployment:
    def __init__(self, postgres=None):
        """With SQLite, or with a `Postgres`."""
        self.dir = Path(tempfile.mkdtemp(prefix="spire-bench-"))
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        for d in ("s", "a"):
            (self.dir / d).mkdir()
        self.server_socket, self.agent_socket = f"{self.dir}/s/api.sock", f"{self.dir}/a/api.sock"
        self.database = f"{self.dir}/s/datastore.sqlite3"
        kind, connection = ("postgres", postgres.connection_string) if postgres else ("sqlite3", self.database)
        (self.dir / "server.conf").write_text(f'''
server {{ trust_domain = "example.org" bind_address = "127.0.0.1" bind_port = "{self.port}" data_dir = "{self.dir}/s"
  socket_path = "{self.server_socket}" log_level = "WARN" ratelimit {{ signing = false attestation = false }} }}
plugins {{
  DataStore "sql" {{ plugin_data {{ database_type = "{kind}" connection_string = "{connection}" }} }}
  KeyManager "disk" {{ plugin_data {{ keys_path = "{self.dir}/s/keys.json" }} }}
  NodeAttestor "join_token" {{ plugin_data {{}} }}
}}''')
        (self.dir / "agent.conf").write_text(f'''
agent {{ trust_domain = "example.org" server_address = "127.0.0.1" server_port = {self.port} data_dir = "{self.dir}/a"
  socket_path = "{self.agent_socket}" trust_bundle_path = "{self.dir}/bundle.pem" log_level = "WARN" }}
plugins {{
  NodeAttestor "join_token" {{ plugin_data {{}} }}
  KeyManager "disk" {{ plugin_data {{ directory = "{self.dir}/a" }} }}
  WorkloadAttestor "unix" {{ plugin_data {{}} }}
}}''')
        self.server = self.agent = None
        self.channel = grpc.insecure_channel("unix://" + self.server_socket)

    # The load client

    def file(self, name, contents):
        path = self.dir / name
        path.write_bytes(contents)
        return str(path)

    def script(self, name, records):
        """A file of calls: (text to wait for, message)."""
        return self.file(name, b"".join(
            struct.pack(">I", len(part)) + part for text, message in records
            for part in (text.encode(), message.SerializeToString())))

    def load(self, mode, *arguments):
        result = subprocess.run([str(BIN / "spire-load"), mode, *map(str, arguments)], capture_output=True, text=True)
        if result.returncode:
            raise SystemExit(f"spire-load {mode} {arguments}: {result.stderr}\n{self.log()}")
        return json.loads(result.stdout)

    def calls(self, *arguments, seconds, callers=8):
        """The load of a method; every answer counted was a good one."""
        result = self.load("calls", "-seconds", seconds, "-callers", callers, *arguments)
        if result["failed"]:
            raise SystemExit(f"calls failed: {result['failures']}\n{self.log()}")
        return result

    def log(self):
        return "".join(f"--- {p.name}\n{p.read_text()[-2000:]}" for p in sorted(self.dir.glob("*.log")))

    # The processes

    def start(self, name, *more, method=HEALTH, arguments=("-equals", HEALTHY)):
        """Starts a program; milliseconds until a call on its socket is answered as it should be (by default: healthy)."""
        server = name == "spire-server"
        path = self.server_socket if server else self.agent_socket
        waiter = subprocess.Popen([str(BIN / "spire-load"), "until", "-socket", path, "-method", method, *arguments],
                                  stdout=subprocess.PIPE, text=True)
        time.sleep(0.05)  # The waiter is up before the clock starts.
        with open(self.dir / (name + ".log"), "ab") as log:
            began = time.monotonic_ns()
            process = subprocess.Popen(
                [str(BIN / name), "run", "-config", f"{self.dir}/{'server' if server else 'agent'}.conf", *more],
                stdout=log, stderr=log)
        if server:
            self.server = process
        else:
            self.agent = process
        output, _ = waiter.communicate()
        if waiter.returncode:
            raise SystemExit(f"{name} does not answer\n{self.log()}")
        return (json.loads(output)["monotonic_ns"] - began) / 1e6

    def stop(self, process):
        if process and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(60)

    def restart_server(self):
        self.stop(self.server)
        return self.start("spire-server")

    def restart_agent(self):
        self.stop(self.agent)
        return self.start("spire-agent")

    def first_agent(self):
        """Bundle, token and entry `/me`, then the agent's first start; milliseconds until its first SVID."""
        own = self.stub("bundle.v1.Bundle").GetBundle(W.msg(API + "bundle.v1.GetBundleRequest"))
        self.file("bundle.pem", b"".join(
            x509.load_der_x509_certificate(a.asn1).public_bytes(Encoding.PEM) for a in own.x509_authorities))
        token = self.stub("agent.v1.Agent").CreateJoinToken(
            W.msg(API + "agent.v1.CreateJoinTokenRequest", ttl=600, agent_id=sid("/host")))
        self.create([entry("/me")])
        return self.start("spire-agent", "-joinToken", token.value, method=FETCH_X509[1],
                          arguments=[*WORKLOAD, "-first-message"])

    def stub(self, service):
        return W.stub(self.channel, API + service)

    def create(self, entries):
        results = self.stub("entry.v1.Entry").BatchCreateEntry(create(entries), wait_for_ready=True).results
        assert all(r.status.code == 0 for r in results), results[0]

    def close(self):
        self.channel.close()
        for process in (self.agent, self.server):
            self.stop(process)
        shutil.rmtree(self.dir, ignore_errors=True)
