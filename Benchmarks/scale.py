"""How cost grows: with entries, with agents, with streams."""
import json
import sqlite3
import subprocess
import time

from deployment import API, BIN, FETCH_X509, W, Deployment, anonymous, cpu, create, entry, settle

CREATE = f"/{API}entry.v1.Entry/BatchCreateEntry"


def create_entries(d, count, prefix="load", parent="/other", size=100, parents=1):
    """Creates entries in batches, below one parent or several; what the load client measured per batch."""
    def below(i):
        return parent if parents == 1 else f"{parent}/{i % parents}"
    script = d.script("entries", [
        ("", create([entry(f"/{prefix}/{b}/{i}", below(i), f"unix:uid:{100_000 + i}") for i in range(min(size, count - b))]))
        for b in range(0, count, size)])
    result = d.load("script", "-socket", d.server_socket, "-method", CREATE, "-script", script, "-pid", d.server.pid)
    if result["failed"]:
        raise SystemExit(f"entries were refused: {result['failures']}\n{d.log()}")
    return result


def list_entries(d, count, size=1000):
    """Pages through all entries of a server that has these and no others; what the load client measured per page."""
    # A token is the number of the last row of the page before (server-behaviour §11.4).
    pages = [("", W.msg(API + "entry.v1.ListEntriesRequest", page_size=size, page_token=str(last or "")))
             for last in range(0, count, size)]
    result = d.load("script", "-socket", d.server_socket, "-method", f"/{API}entry.v1.Entry/ListEntries", "-script",
                    d.script("pages", pages), "-pid", d.server.pid, "-least", size * 50)
    if result["failed"]:
        raise SystemExit(f"pages were refused: {result['failures']}\n{d.log()}")
    return result


class Streams:
    """Open FetchX509SVID streams that have had their first message, and what they cost the agent."""

    def __init__(self, d, connections, streams):
        settle(d.agent.pid, 60)
        self.d, self.count = d, connections * streams
        before = anonymous(d.agent.pid)
        self.holder = subprocess.Popen(
            [str(BIN / "spire-load"), "hold", "-socket", d.agent_socket, *FETCH_X509, "-connections", str(connections),
             "-streams", str(streams)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        opened = json.loads(self.holder.stdout.readline() or '{"open": 0}')["open"]
        if opened != self.count:
            raise SystemExit(f"{opened} of {self.count} streams were opened\n{d.log()}")
        settle(d.agent.pid)
        self.kb = (anonymous(d.agent.pid) - before) * 1024 / opened

    def until_all_have_news(self, change):
        """Milliseconds from before `change` until half of the connections, and all, have had a message on each stream;
        microseconds of the agent's processor per stream."""
        self.holder.stdin.write("news\n")
        self.holder.stdin.flush()
        json.loads(self.holder.stdout.readline())
        used, began = cpu(self.d.agent.pid), time.monotonic_ns()
        change()
        arrived = json.loads(self.holder.stdout.readline())
        settle(self.d.agent.pid)
        return ((arrived["half_ns"] - began) / 1e6, (arrived["last_ns"] - began) / 1e6,
                (cpu(self.d.agent.pid) - used) * 1e6 / self.count)

    def close(self):
        self.holder.stdin.close()
        ended = json.loads(self.holder.stdout.readline())["ended"]
        self.holder.wait()
        if ended:
            raise SystemExit(f"{ended} idle streams were ended\n{self.d.log()}")


def idle_streams(d, connections, streams):
    """kB of anonymous memory of the agent for each open stream that has had its first message."""
    streams = Streams(d, connections, streams)
    streams.close()
    return streams.kb


def store_agents(path, count):
    """Writes attested agents into the database of a stopped server: attesting them one by one would take hours."""
    with sqlite3.connect(path) as database:
        database.executemany(
            "INSERT INTO attested_node_entries (created_at, updated_at, spiffe_id, data_type, serial_number, expires_at,"
            " can_reattest) VALUES ('2026-01-01 00:00:00+00:00', '2026-01-01 00:00:00+00:00', ?, 'join_token', ?,"
            " '2099-01-01 00:00:00+00:00', 0)",
            ((f"spiffe://example.org/spire/agent/join_token/{i:08}", str(i + 1)) for i in range(count)))
        database.executemany(
            "INSERT INTO node_resolver_map_entries (created_at, updated_at, spiffe_id, type, value)"
            " VALUES ('2026-01-01 00:00:00+00:00', '2026-01-01 00:00:00+00:00', ?, 'node', ?)",
            ((f"spiffe://example.org/spire/agent/join_token/{i:08}", f"zone:{i % 10}") for i in range(count)))
    database.close()


def measure(results, counts):
    for count in counts:
        entries(results, count)
    for count in counts:
        agents(results, count)
    # An agent signs a key for each of its entries at the start: more than this is no agent's load.
    for count in sorted({min(count, 10_000) for count in counts}):
        own_entries(results, count)
    for count in counts:
        streams(results, count)


def entries(results, count):
    """Entries that belong to other agents: what they cost the server."""
    d = Deployment()
    try:
        d.start("spire-server")
        created = create_entries(d, count)
        start = d.restart_server()
        settle(d.server.pid)
        first = d.first_agent()
        results.scale("entries on the server", count, creations_per_s=count / created["seconds"], start_ms=start,
                      memory_mib=anonymous(d.server.pid), first_svid_ms=first)
    finally:
        d.close()


def agents(results, count):
    d = Deployment()
    try:
        d.start("spire-server")
        d.stop(d.server)
        store_agents(d.database, count)
        start = d.restart_server()
        settle(d.server.pid)
        first = d.first_agent()
        results.scale("attested agents", count, start_ms=start, memory_mib=anonymous(d.server.pid), first_svid_ms=first)
    finally:
        d.close()


def own_entries(results, count):
    """Entries of one agent: what they cost it."""
    d = Deployment()
    try:
        d.start("spire-server")
        create_entries(d, count, parent="/host")
        first = d.first_agent()
        settle(d.agent.pid, 120)
        memory = anonymous(d.agent.pid)
        restart = d.restart_agent()
        results.scale("entries of one agent", count, first_svid_ms=first, memory_mib=memory, start_ms=restart)
    finally:
        d.close()


def streams(results, count):
    d = Deployment()
    try:
        d.start("spire-server")
        d.first_agent()
        each = idle_streams(d, max(1, count // 100), min(count, 100))
        results.scale("idle Workload API streams", count, kb_each=each, memory_mib=anonymous(d.agent.pid))
    finally:
        d.close()
