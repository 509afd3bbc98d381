"""Thousands of simulated agents (spire-fleet) against one server: what they cost it, how soon a change reaches them, and
what happens when all come back at once."""
import json
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time

from deployment import API, BIN, HEALTH, TYPES, W, Deployment, anonymous, cpu, settle, sid

import grpc

CREATE = f"/{API}entry.v1.Entry/BatchCreateEntry"
# What a connection needs on both sides together, in MiB: as many agents as fit.
EACH = 0.5


def fitting(count):
    """At most this many agents: bounded by free memory and by descriptors, of which the server takes three
    fifths for its agents."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    free = next(int(line.split()[1]) for line in open("/proc/meminfo") if line.startswith("MemAvailable")) / 1024
    return int(min(count, free * 0.6 / EACH, limit // 5 * 3 - 50))


def entries(d, agents, each):
    """Entries `f<agent>-<n>`, children of the agents."""
    def one(agent, number):
        return W.msg(TYPES + "Entry", id=f"f{agent}-{number}", spiffe_id=sid(f"/fleet/{agent}/{number}"),
                     parent_id=sid(f"/spire/agent/join_token/fleet-{agent + 1}"),
                     selectors=[W.msg(TYPES + "Selector", type="unix", value=f"uid:{number}")])
    every = [(agent, number) for agent in range(agents) for number in range(each)]
    script = d.script("fleet", [
        ("", W.msg(API + "entry.v1.BatchCreateEntryRequest", entries=[one(*pair) for pair in every[at:at + 100]],
                   output_mask=W.msg(TYPES + "EntryMask")))
        for at in range(0, len(every), 100)])
    result = d.load("script", "-socket", d.server_socket, "-method", CREATE, "-script", script, "-pid", d.server.pid)
    if result["failed"]:
        raise SystemExit(f"entries were refused: {result['failures']}\n{d.log()}")


def store_tokens(path, agents):
    """Join tokens `fleet-1` and on: made in the database, since each agent needs one and no call makes many."""
    with sqlite3.connect(path, timeout=30) as database:
        database.executemany(
            "INSERT INTO join_tokens (created_at, updated_at, token, expiry) VALUES"
            " ('2026-01-01 00:00:00+00:00', '2026-01-01 00:00:00+00:00', ?, ?)",
            ((f"fleet-{i + 1}", int(time.time()) + 36_000) for i in range(agents)))
    database.close()


class NoStream(Exception):
    """The server does not offer the stream that was to be measured."""


class Fleet:
    def __init__(self, d, agents, each, *more):
        self.process = subprocess.Popen(
            [str(BIN / "spire-fleet"), "-port", str(d.port), "-admin", d.server_socket, "-agents", str(agents),
             "-entries", str(each), *more], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, *words):
        self.tell(*words)
        return self.answer()

    def tell(self, *words):
        print(*words, file=self.process.stdin, flush=True)

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            if self.process.wait() == 3:
                raise NoStream
            raise SystemExit("spire-fleet ended")
        return json.loads(line)

    def close(self):
        self.process.kill()
        self.process.wait()


class Prober(threading.Thread):
    """Asks the server's health over and over, as an orchestrator does, and keeps the worst answer."""
    def __init__(self, d):
        super().__init__(daemon=True)
        self.d, self.worst, self.bad, self.over = d, 0.0, 0, threading.Event()
        self.start()

    def run(self):
        request = b""
        while not self.over.wait(0.05):
            began = time.monotonic()
            try:
                with grpc.insecure_channel("unix://" + self.d.server_socket) as channel:
                    answer = channel.unary_unary(HEALTH)(request, timeout=10, wait_for_ready=True)
                if answer.hex() != "0801":
                    self.bad += 1
            except grpc.RpcError:
                self.bad += 1
            self.worst = max(self.worst, (time.monotonic() - began) * 1000)

    def end(self):
        self.over.set()
        self.join()
        return self.worst


def measure(results, quick, watch=False):
    agents = fitting(200 if quick else 10_000)
    each, seconds, rate = 10, 5 if quick else 30, 20 if quick else 100
    d = Deployment()
    fleet = None
    try:
        d.start("spire-server")
        settle(d.server.pid)
        idle = anonymous(d.server.pid)
        store_tokens(d.database, agents)
        entries(d, agents, each)
        fleet = Fleet(d, agents, each, *(["-mode", "watch"] if watch else []))
        attested = fleet.ask("attest")
        good(attested, d)
        good(fleet.ask("begin", 5), d)
        before, began = cpu(d.server.pid), time.monotonic()
        time.sleep(seconds / 2)
        quiet = (cpu(d.server.pid) - before) / (time.monotonic() - began)
        memory = (anonymous(d.server.pid) - idle) * 1024 / agents
        before, began = cpu(d.server.pid), time.monotonic()
        changed = good(fleet.ask("change", rate, seconds, 2 if watch else 7), d)
        busy = (cpu(d.server.pid) - before) / (time.monotonic() - began - (2 if watch else 7))
        if changed["arrived"] < changed["changes"] * (0.99 if agents > rate * 7 else 0.5):
            raise SystemExit(f"changes were lost: {changed}\n{d.log()}")
        results.add("fleet_watch" if watch else "fleet", attest_rate=agents / attested["seconds"], idle_percent=quiet * 100, percent=busy * 100,
                    kb=memory, p50_ms=changed["p50_ms"], p99_ms=changed["p99_ms"])
        storm(d, fleet, results, "storm_watch" if watch else "storm")
        print(f"  {agents:,} agents with {each} entries each; {changed['signed']:,} SVIDs signed after {changed['changes']:,} changes")
    except NoStream:
        print("  the server has no watch stream: its figures are left out")
    finally:
        if fleet:
            fleet.close()
        d.close()


def storm(d, fleet, results, key):
    """The server is killed and started again; everybody comes back."""
    fleet.tell("answers")
    d.server.send_signal(signal.SIGKILL)
    d.server.wait()
    d.start("spire-server")
    healthy = time.monotonic_ns()
    prober = Prober(d)
    before = cpu(d.server.pid)
    answer = fleet.answer()
    worst = prober.end()
    if prober.bad:
        raise SystemExit(f"{prober.bad} health checks failed during the storm\n{d.log()}")
    results.add(key, seconds=(answer["all_ns"] - healthy) / 1e9, half_seconds=(answer["half_ns"] - healthy) / 1e9,
                cpu_us=(cpu(d.server.pid) - before) * 1e6 / answer["agents"], worst_ms=worst)


def good(answer, d):
    if answer.get("failures") and "change" not in answer.get("failure", "x"):
        print(f"  {answer['failures']} calls of agents failed, most of them: {answer['failure']}", file=sys.stderr)
    if "arrived" not in answer and answer.get("failures", 0) > answer.get("attested", answer.get("agents", 0)) * 0.01:
        raise SystemExit(f"too many calls of agents failed: {answer}\n{d.log()}")
    return answer
