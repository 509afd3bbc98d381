"""Starts a server and an agent on loopback, drives them with spire-load, and prints what each operation costs.

usage: measure.py BIN [--quick] [--scale] [--only issue,change,entries,restart,streams,workloads,list,model,postgres,peers,fleet,watchers,unauthenticated]
    [--out FILE]    (Benchmarks/run calls it)

CPU per operation is the daemon's own processor time divided by the number of operations: it is steady, while rates and
latencies depend on what else the machine does, the load client included.
"""
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

import fleet
import scale
import unauthenticated
import workloads
from deployment import (API, BIN, FETCH_X509, WORKLOAD, W, Deployment, anonymous, create, entry, median, settle, sid)
from figures import Results
from postgres import Postgres, programs

QUICK = "--quick" in sys.argv
SECONDS = 1.5 if QUICK else 6
GROUPS = ("issue", "change", "entries", "restart", "streams", "workloads", "list", "model", "postgres", "peers", "fleet",
          "watchers", "unauthenticated")
# Those that need a server and an agent of their own kind, or none.
APART = ("workloads", "list", "model", "postgres", "peers", "fleet", "watchers", "unauthenticated")


def openssl():
    """µs of one P-256 signature and one verification."""
    text = subprocess.run(["openssl", "speed", "-seconds", "1", "ecdsap256"], capture_output=True, text=True).stdout
    sign, verify = re.search(r"ecdsa \(nistp256\)\s+\S+\s+\S+\s+([\d.]+)\s+([\d.]+)", text).groups()
    return 1e6 / float(sign), 1e6 / float(verify)


def fsync(folder):
    """Milliseconds to make 4 KiB durable where the database lies."""
    times, path = [], folder / "fsync"
    with open(path, "ab") as file:
        for _ in range(30):
            began = time.monotonic()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            times.append((time.monotonic() - began) * 1000)
    path.unlink()
    return median(times)


def floors(d, results):
    """What the work cannot be cheaper than, measured in the same run."""
    sign, verify = openssl()
    results.floor("one P-256 signature (openssl speed)", sign, "µs")
    results.floor("one P-256 verification (openssl speed)", verify, "µs")
    path = f"{d.dir}/echo.sock"
    process = subprocess.Popen([str(BIN / "bench-echo"), path])
    try:
        body = d.file("echo.bin", b"\x0a\x0bhello world" + b"\x12\x40" + b"x" * 64)
        common = ["-socket", path, "-body", body, "-pid", process.pid]
        d.load("until", *common, "-method", "/bench.Echo/Echo")
        time.sleep(0.5)
        memory = anonymous(process.pid)
        unary = d.calls(*common, "-method", "/bench.Echo/Echo", "-least", 79, seconds=SECONDS)
        stream = d.calls(*common, "-method", "/bench.Echo/Open", "-first-message", "-least", 79, seconds=SECONDS)
    finally:
        process.kill()
        process.wait()
    results.floor("bare unary call (bench-echo)", unary["cpu_us"], "µs", rates(unary))
    results.floor("bare stream to first message (bench-echo)", stream["cpu_us"], "µs", rates(stream))
    results.floor("bare gRPC endpoint, idle", memory, "MiB")
    disk = fsync(d.dir / "s")
    results.floor("fsync of 4 KiB", disk, "ms")
    return {"sign": sign, "verify": verify, "unary": unary["cpu_us"], "stream": stream["cpu_us"], "mb": memory, "fsync": disk}


def rates(result):
    return f"{result['rate']:,.0f}/s, p50 {result['p50_us']:,.0f} µs, p99 {result['p99_us']:,.0f} µs" + (
        f", the server closed {result['reconnections']:.0f} connections" if result["reconnections"] else "")


def columns(result):
    return {key: result[key] for key in ("cpu_us", "rate", "p50_us", "p99_us")}


def issue(d, results, floor):
    key = ec.generate_private_key(ec.SECP256R1())
    csr = (x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
           .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier("spiffe://example.org/m")]), False)
           .sign(key, hashes.SHA256()).public_bytes(Encoding.DER))
    svid = API + "svid.v1."
    works = (
        ("mint_x509", d.server, d.server_socket, f"/{svid}SVID/MintX509SVID",
         W.msg(svid + "MintX509SVIDRequest", csr=csr), W.cls(svid + "MintX509SVIDResponse"),
         lambda m: x509.load_der_x509_certificate(m.svid.cert_chain[0]).public_key() == key.public_key(),
         floor["sign"] + floor["verify"]),
        ("mint_jwt", d.server, d.server_socket, f"/{svid}SVID/MintJWTSVID",
         W.msg(svid + "MintJWTSVIDRequest", id=sid("/m"), audience=["a"]), W.cls(svid + "MintJWTSVIDResponse"),
         lambda m: m.svid.token.count(".") == 2 and m.svid.id.path == "/m", floor["sign"]),
        ("fetch_x509", d.agent, d.agent_socket, FETCH_X509[1], W.msg("X509SVIDRequest"), W.cls("X509SVIDResponse"),
         lambda m: m.svids[0].spiffe_id == "spiffe://example.org/me", floor["stream"]),
        ("fetch_jwt", d.agent, d.agent_socket, "/SpiffeWorkloadAPI/FetchJWTSVID",
         W.msg("JWTSVIDRequest", audience=["a"]), W.cls("JWTSVIDResponse"),
         lambda m: m.svids[0].spiffe_id == "spiffe://example.org/me", floor["unary"]),
    )
    for name, process, path, method, request, answer, good, least in works:
        body, reply = d.file(name + ".bin", request.SerializeToString()), d.dir / (name + ".reply")
        arguments = ["-socket", path, "-method", method, "-body", body, "-pid", process.pid, "-reply", reply, "-least", 200]
        if path == d.agent_socket:
            arguments += WORKLOAD
        if name == "fetch_x509":
            arguments.append("-first-message")
        result = d.calls(*arguments, seconds=SECONDS)
        assert good(answer.FromString(reply.read_bytes())), f"{name}: not the answer that was asked for"
        results.add(name, {"cpu_us": least}, **columns(result))
        if result["reconnections"]:
            print(f"  the server closed {result['reconnections']} connections under these calls")


def changes(d, results, server_socket=None, suffix=""):
    """Entry created → the SVID arrives at an open stream; entry deleted → it is gone from there. The calls go to the
    agent's server, or to the one behind `server_socket`."""
    count = 20 if QUICK else 200
    ids = [f"change{suffix}-{i}" for i in range(count)]
    works = (("change", "BatchCreateEntry", [], lambda i: create([entry(f"/{i}", id=i)])),
             ("removal", "BatchDeleteEntry", ["-absent"], lambda i: W.msg(API + "entry.v1.BatchDeleteEntryRequest", ids=[i])))
    for key, method, more, message in works:
        # With what follows the ID in the certificate's or the message's text: change-1 is in change-10 too.
        script = d.script(key, [(f"spiffe://example.org/{i}\x12", message(i)) for i in ids])
        result = d.load("arrive", "-socket", d.agent_socket, *FETCH_X509, "-script", script, "-pause", 0.02,
                        "-call-socket", server_socket or d.server_socket, "-call-method", f"/{API}entry.v1.Entry/{method}",
                        *more)
        results.add(key + suffix, p50_ms=result["p50_us"] / 1000, p99_ms=result["p99_us"] / 1000)


def many_entries(d, results, floor):
    batches = 20 if QUICK else 100
    result = scale.create_entries(d, batches * 100)
    results.add("batch_create", {"entries": 100 / floor["fsync"] * 1000}, entries=batches * 100 / result["seconds"],
                cpu_us=result["cpu_us"] / 100, p50_us=result["p50_us"], p99_us=result["p99_us"])
    if QUICK:
        scale.create_entries(d, 8000, prefix="rest")
    settle(d.server.pid)
    results.add("server_entries", mb=anonymous(d.server.pid))


def created(d, results, key, count, floors=None, **more):
    result = scale.create_entries(d, count, **more)
    results.add(key, floors, entries=count / result["seconds"], cpu_us=result["cpu_us"] / 100, p50_us=result["p50_us"],
                p99_us=result["p99_us"])


def listed(d, results, key, count):
    result = scale.list_entries(d, count)
    results.add(key, entries=count / result["seconds"], cpu_us=result["cpu_us"] / 1000, p50_us=result["p50_us"],
                p99_us=result["p99_us"])


def lists(results):
    """100,000 entries below a hundred parents, listed in pages; how fast the first 10,000 are created."""
    count = 5_000 if QUICK else 100_000
    d = Deployment()
    try:
        d.start("spire-server")
        first = min(count, 10_000)
        result = scale.create_entries(d, first, parents=100)
        results.add("batch_create_parents", entries=first / result["seconds"])
        scale.create_entries(d, count - first, prefix="rest", parents=100)
        listed(d, results, "list", count)
    finally:
        d.close()


def on_postgres(results):
    if not programs():
        print("  PostgreSQL is not installed (Debian: apt-get install postgresql): its figures are left out")
        return
    count = 2_000 if QUICK else 10_000
    database = Postgres()
    d = Deployment(database)
    try:
        d.start("spire-server")
        created(d, results, "batch_create_postgres", count)
        listed(d, results, "list_postgres", count)
    finally:
        d.close()
        database.close()


def between_servers(results):
    """Two servers on one PostgreSQL: entries change on one, the agent is connected to the other."""
    if not programs():
        print("  PostgreSQL is not installed (Debian: apt-get install postgresql): its figures are left out")
        return
    database = Postgres()
    d, other = Deployment(database), Deployment(database)
    try:
        d.start("spire-server")
        other.start("spire-server")
        d.first_agent()
        settle(d.agent.pid)
        changes(d, results, other.server_socket, "_peers")
    finally:
        d.close()
        other.close()
        database.close()


def model(results):
    """The model in memory, measured inside of a process."""
    output = subprocess.run([str(BIN / "bench-model"), *(["10000"] if QUICK else [])], capture_output=True, text=True, check=True)
    value = json.loads(output.stdout)
    results.add("model", lookup_us=value["lookup_us"], build_ms=value["build_ms"], bytes=value["entry_bytes"],
                change_us=value["change_us"])
    results.add("model_fixture", lookup_us=value["fixture_lookup_us"], walk_us=value["fixture_walk_us"],
                build_ms=value["fixture_build_ms"])
    print("  ListEntries, µs per entry: " + ", ".join(
        f"{name} {value[key]:.1f}" for name, key in (("rows", "list_read_us"), ("messages", "list_convert_us"),
                                                     ("bytes", "list_encode_us"))))


def restarts(d, results):
    rounds = 3 if QUICK else 9
    server = median([d.restart_server() for _ in range(rounds)])
    agent = median([d.restart_agent() for _ in range(rounds)])
    results.add("start_server", ms=server)
    results.add("start_agent", ms=agent)


def restarts_with_entries(d, results):
    results.add("start_server_entries", ms=median([d.restart_server() for _ in range(3 if QUICK else 9)]))
    settle(d.server.pid)
    results.add("server_entries_restarted", mb=anonymous(d.server.pid))


def streams(d, results):
    d.restart_agent()
    results.add("idle_streams", kb=scale.idle_streams(d, 100, 10 if QUICK else 100))
    d.restart_agent()
    results.add("idle_connections", kb=scale.idle_streams(d, 200 if QUICK else 1000, 1))


def option(name, default):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else default


def measure_apart(results, groups):
    for name, body in (("workloads", lambda results: workloads.measure(results, QUICK)), ("model", model), ("list", lists), ("postgres", on_postgres), ("peers", between_servers),
                       ("fleet", lambda results: fleet.measure(results, QUICK)),
                       ("watchers", lambda results: fleet.measure(results, QUICK, watch=True)),
                       ("unauthenticated", lambda results: unauthenticated.measure(results, QUICK, openssl()[0]))):
        if name in groups:
            body(results)


def measure(results, groups):
    measure_apart(results, groups)
    if not set(groups) - set(APART):
        return
    d = Deployment()
    try:
        floor = floors(d, results)
        d.start("spire-server")
        settle(d.server.pid)
        results.add("idle_server", {"mb": floor["mb"]}, mb=anonymous(d.server.pid))
        results.add("first_svid", ms=d.first_agent())
        settle(d.agent.pid)
        results.add("idle_agent", {"mb": floor["mb"]}, mb=anonymous(d.agent.pid))
        if "issue" in groups:
            issue(d, results, floor)
        if "change" in groups:
            changes(d, results)
        if "restart" in groups:
            restarts(d, results)
        if "entries" in groups:
            many_entries(d, results, floor)
            restarts_with_entries(d, results)
        if "streams" in groups:
            streams(d, results)
    finally:
        d.close()


def main():
    groups = option("--only", ",".join(GROUPS)).split(",")
    if unknown := set(groups) - set(GROUPS):
        raise SystemExit(f"no such group: {', '.join(unknown)}; there are {', '.join(GROUPS)}")
    results = Results(BIN.name, QUICK)
    measure(results, groups)
    if "--scale" in sys.argv:
        scale.measure(results, (100, 1000) if QUICK else (1_000, 10_000, 100_000))
    results.write(Path(option("--out", ".build/bench.json")))


main()
