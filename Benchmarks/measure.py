"""Starts a server and an agent on loopback, drives them with grpcio, and prints what each operation costs.

CPU per operation is the daemon's own user and system time divided by the number of operations: it is steady, while
rates depend on the client (Python here) and on the machine.
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from wire import Wire

BIN = Path(sys.argv[1])
QUICK = "--quick" in sys.argv
TICK = os.sysconf("SC_CLK_TCK")
W = Wire("server-and-agent-api", "workload-api")
T = "spire.api.types."
rows = []


def row(work, figure, target, note=""):
    rows.append((work, figure, target, note))
    print(f"  {work:<58} {figure:>22}   {target:<12} {note}", flush=True)


def cpu(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def anonymous(pid):
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+) kB", text)[1]) / 1024


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(path):
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)
        return True
    except OSError:
        return False


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p))]


class Deployment:
    def __init__(self):
        self.dir = Path(tempfile.mkdtemp(prefix="spire-bench-", dir="/tmp"))
        self.port = free_port()
        for d in ("s", "a"):
            (self.dir / d).mkdir()
        self.server_socket, self.agent_socket = f"{self.dir}/s/api.sock", f"{self.dir}/a/api.sock"
        (self.dir / "server.conf").write_text(f'''
server {{ trust_domain = "example.org" bind_address = "127.0.0.1" bind_port = "{self.port}" data_dir = "{self.dir}/s"
  socket_path = "{self.server_socket}" log_level = "WARN" ratelimit {{ signing = false }} }}
plugins {{
  DataStore "sql" {{ plugin_data {{ database_type = "sqlite3" connection_string = "{self.dir}/s/d.sqlite3" }} }}
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

    def healthy(self, path):
        with grpc.insecure_channel("unix://" + path) as channel:
            check = channel.unary_unary("/grpc.health.v1.Health/Check", request_serializer=bytes, response_deserializer=bytes)
            end = time.monotonic() + 30
            while time.monotonic() < end:
                try:
                    if check(b"", wait_for_ready=True, timeout=5) == b"\x08\x01":
                        return
                except grpc.RpcError:
                    pass
                time.sleep(0.002)
        raise SystemExit(f"{path} does not become healthy")

    def start(self, name, *more):
        config, path = (("server.conf", self.server_socket) if name == "spire-server" else ("agent.conf", self.agent_socket))
        log = open(self.dir / (name + ".log"), "ab")
        began = time.monotonic()
        process = subprocess.Popen([str(BIN / name), "run", "-config", str(self.dir / config), *more], stdout=log, stderr=log)
        while not answers(path):
            if process.poll() is not None:
                raise SystemExit(f"{name} ended:\n" + (self.dir / (name + ".log")).read_text()[-2000:])
            time.sleep(0.0005)
        return process, (time.monotonic() - began) * 1000

    def stop(self):
        for process in (self.agent, self.server):
            if process and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(20)

    def close(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


def load(pid, call, seconds, workers=8):
    """Runs `call` from `workers` threads, each with a connection of its own; CPU per operation in µs, rate, p99 in ms."""
    end = time.monotonic() + seconds
    latencies, lock = [], threading.Lock()

    def work(index):
        mine, one = [], call(index)
        one()
        while time.monotonic() < end:
            began = time.perf_counter()
            one()
            mine.append(time.perf_counter() - began)
        with lock:
            latencies.extend(mine)

    before = cpu(pid)
    began = time.monotonic()
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, range(workers)))
    elapsed = time.monotonic() - began
    count = len(latencies) + workers
    return (cpu(pid) - before) / count * 1e6, count / elapsed, percentile(latencies, 0.99) * 1000


def sid(path):
    return W.msg(T + "SPIFFEID", trust_domain="example.org", path=path)


def main():
    seconds = 2 if QUICK else 6
    print(f"{'':2}{'work':<58} {'measured':>22}   {'target':<12}")
    d = Deployment()
    try:
        measure(d, seconds)
    finally:
        d.close()


def measure(d, seconds):
    d.server, _ = d.start("spire-server")
    d.healthy(d.server_socket)
    admin = grpc.insecure_channel("unix://" + d.server_socket)
    own = W.stub(admin, "spire.api.server.bundle.v1.Bundle").GetBundle(W.msg("spire.api.server.bundle.v1.GetBundleRequest"))
    (d.dir / "bundle.pem").write_bytes(b"".join(
        x509.load_der_x509_certificate(a.asn1).public_bytes(serialization.Encoding.PEM) for a in own.x509_authorities))
    token = W.stub(admin, "spire.api.server.agent.v1.Agent").CreateJoinToken(
        W.msg("spire.api.server.agent.v1.CreateJoinTokenRequest", ttl=600, agent_id=sid("/host")))
    time.sleep(1)
    row("anonymous memory idle, server", f"{anonymous(d.server.pid):.1f} MB", "≤ 8 MB")

    entries = W.stub(admin, "spire.api.server.entry.v1.Entry")
    E = "spire.api.server.entry.v1."
    me = W.msg(T + "Entry", spiffe_id=sid("/me"), parent_id=sid("/host"),
               selectors=[W.msg(T + "Selector", type="unix", value=f"uid:{os.getuid()}")])
    assert entries.BatchCreateEntry(W.msg(E + "BatchCreateEntryRequest", entries=[me])).results[0].status.code == 0
    began = time.monotonic()
    d.agent, _ = d.start("spire-agent", "-joinToken", token.value)
    workload(d)()
    row("agent's first start → first SVID, entry just created", f"{(time.monotonic() - began) * 1000:.0f} ms", "≤ 300 ms")
    time.sleep(1)
    row("anonymous memory idle, agent", f"{anonymous(d.agent.pid):.1f} MB", "≤ 6 MB")

    issue(d, seconds)
    changes(d, entries, E)
    many_entries(d, entries, E)
    restarts(d)


def workload(d, channel=None):
    channel = channel or grpc.insecure_channel("unix://" + d.agent_socket)
    stub = W.stub(channel, "SpiffeWorkloadAPI")
    metadata = (("workload.spiffe.io", "true"),)

    def first():
        end = time.monotonic() + 30
        while True:
            try:
                stream = stub.FetchX509SVID(W.msg("X509SVIDRequest"), metadata=metadata, wait_for_ready=True)
                message = next(iter(stream))
                stream.cancel()
                return message
            except grpc.RpcError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.002)
    return first


def issue(d, seconds):
    key = ec.generate_private_key(ec.SECP256R1())
    csr = (x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
           .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier("spiffe://example.org/m")]), False)
           .sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER))

    def channel(path, index):
        return grpc.insecure_channel("unix://" + path, options=[("grpc.use_local_subchannel_pool", 1), ("i", index)])

    def mint_x509(index):
        stub = W.stub(channel(d.server_socket, index), "spire.api.server.svid.v1.SVID")
        request = W.msg("spire.api.server.svid.v1.MintX509SVIDRequest", csr=csr)
        return lambda: stub.MintX509SVID(request)

    def mint_jwt(index):
        stub = W.stub(channel(d.server_socket, index), "spire.api.server.svid.v1.SVID")
        request = W.msg("spire.api.server.svid.v1.MintJWTSVIDRequest", id=sid("/m"), audience=["a"])
        return lambda: stub.MintJWTSVID(request)

    def fetch_x509(index):
        return workload(d, channel(d.agent_socket, index))

    def fetch_jwt(index):
        stub = W.stub(channel(d.agent_socket, index), "SpiffeWorkloadAPI")
        request = W.msg("JWTSVIDRequest", audience=["a"])
        return lambda: stub.FetchJWTSVID(request, metadata=(("workload.spiffe.io", "true"),))

    for name, pid, call, target in (
            ("MintX509SVID, admin socket, 8 callers", d.server.pid, mint_x509, "≤ 250 µs"),
            ("MintJWTSVID, admin socket, 8 callers", d.server.pid, mint_jwt, "≤ 150 µs"),
            ("Workload API FetchX509SVID to first message, 8 callers", d.agent.pid, fetch_x509, "≤ 200 µs"),
            ("FetchJWTSVID from cache, 8 callers", d.agent.pid, fetch_jwt, "≤ 150 µs")):
        cost, rate, p99 = load(pid, call, seconds)
        row(name, f"{cost:.0f} µs CPU/op", target, f"{rate:.0f}/s, p99 {p99:.1f} ms (the client shares the cores)")


def changes(d, entries, E):
    """Entry created → the SVID arrives at an open stream."""
    stub = W.stub(grpc.insecure_channel("unix://" + d.agent_socket), "SpiffeWorkloadAPI")
    stream = stub.FetchX509SVID(W.msg("X509SVIDRequest"), metadata=(("workload.spiffe.io", "true"),))
    arrived, condition = {}, threading.Condition()

    def read():
        try:
            for message in stream:
                now = time.monotonic()
                with condition:
                    for svid in message.svids:
                        arrived.setdefault(svid.spiffe_id, now)
                    condition.notify_all()
        except grpc.RpcError:
            pass
    threading.Thread(target=read, daemon=True).start()
    delays = []
    for i in range(4 if QUICK else 12):
        time.sleep(0.3)
        began = time.monotonic()
        entries.BatchCreateEntry(W.msg(E + "BatchCreateEntryRequest", entries=[W.msg(
            T + "Entry", spiffe_id=sid(f"/change/{i}"), parent_id=sid("/host"),
            selectors=[W.msg(T + "Selector", type="unix", value=f"uid:{os.getuid()}")])]))
        with condition:
            condition.wait_for(lambda: f"spiffe://example.org/change/{i}" in arrived, timeout=30)
        delays.append((arrived.get(f"spiffe://example.org/change/{i}", began + 30) - began) * 1000)
    stream.cancel()
    row("entry created → SVID at an open stream", f"p50 {percentile(delays, .5):.0f} p99 {percentile(delays, .99):.0f} ms",
        "≤ 100 ms", "until watch streams, bound by sync_interval")


def many_entries(d, entries, E):
    count = 2_000 if QUICK else 10_000
    batches = [W.msg(E + "BatchCreateEntryRequest", entries=[
        W.msg(T + "Entry", spiffe_id=sid(f"/load/{b}/{i}"), parent_id=sid("/other"),
              selectors=[W.msg(T + "Selector", type="unix", value=f"uid:{i}")]) for i in range(100)])
        for b in range(count // 100)]
    began, used = time.monotonic(), cpu(d.server.pid)
    for batch in batches:
        assert all(r.status.code == 0 for r in entries.BatchCreateEntry(batch).results)
    elapsed = time.monotonic() - began
    row(f"BatchCreateEntry, batches of 100, {count} entries, SQLite", f"{count / elapsed:.0f} entries/s", "≥ 10,000/s",
        f"{(cpu(d.server.pid) - used) / count * 1e6:.0f} µs CPU/entry")
    time.sleep(7)
    row(f"server with {count} entries", f"{anonymous(d.server.pid):.1f} MB anonymous", "≤ 25 MB")


def restarts(d):
    servers, agents = [], []
    for _ in range(3 if QUICK else 8):
        d.stop()
        d.server, elapsed = d.start("spire-server")
        servers.append(elapsed)
        d.healthy(d.server_socket)
        d.agent, elapsed = d.start("spire-agent")
        agents.append(elapsed)
        d.healthy(d.agent_socket)
    row("start → serving, server (with those entries)", f"{percentile(servers, .5):.0f} ms", "≤ 50 ms")
    row("start → serving, agent with stored SVID", f"{percentile(agents, .5):.0f} ms", "≤ 30 ms")


main()
