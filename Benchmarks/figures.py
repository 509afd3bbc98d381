"""What is measured, what it must reach, and what the established implementation reached on two cores."""
import json
import platform
import time
from pathlib import Path

# column: (unit, whether less is better)
COLUMNS = {
    "cpu_us": ("CPU/op", "µs", True), "rate": ("rate", "/s", False), "p50_us": ("p50", "µs", True),
    "p99_us": ("p99", "µs", True), "ms": ("time", "ms", True), "p50_ms": ("p50", "ms", True),
    "p99_ms": ("p99", "ms", True), "entries": ("rate", "entries/s", False), "mb": ("anonymous memory", "MiB", True),
    "kb": ("memory each", "kB", True), "lookup_us": ("lookup", "µs", True), "walk_us": ("walk through all", "µs", True),
    "build_ms": ("build", "ms", True), "change_us": ("change", "µs", True), "bytes": ("memory each", "bytes", True),
    "attest_rate": ("attestations", "/s", False), "idle_percent": ("CPU, quiet", "%", True),
    "percent": ("CPU, changing", "%", True), "seconds": ("all back", "s", True), "half_seconds": ("half back", "s", True),
    "worst_ms": ("worst health check", "ms", True),
}

# id: (work, {column: (target, upstream)}); a target of None: there is none of its own, upstream's figure is to be beaten.
FIGURES = {
    "mint_x509": ("MintX509SVID, admin socket, 8 callers",
                  {"cpu_us": (250, 625), "rate": (None, 2700), "p50_us": (None, None), "p99_us": (None, 6900)}),
    "mint_jwt": ("MintJWTSVID, admin socket, 8 callers",
                 {"cpu_us": (150, 440), "rate": (None, 3600), "p50_us": (None, None), "p99_us": (None, None)}),
    "fetch_x509": ("Workload API FetchX509SVID to first message, 8 callers",
                   {"cpu_us": (200, 432), "rate": (None, None), "p50_us": (None, None), "p99_us": (None, 6400)}),
    "fetch_jwt": ("Workload API FetchJWTSVID from cache, 8 callers",
                  {"cpu_us": (150, 414), "rate": (None, None), "p50_us": (None, None), "p99_us": (None, None)}),
    "batch_create": ("BatchCreateEntry, batches of 100, SQLite (CPU per entry)",
                     {"entries": (10_000, 938), "cpu_us": (None, None), "p50_us": (None, None), "p99_us": (None, None)}),
    "batch_create_parents": ("the same below a hundred parents", {"entries": (10_000, 938)}),
    "batch_create_postgres": ("BatchCreateEntry, batches of 100, PostgreSQL (CPU of the server)",
                              {"entries": (5_000, None), "cpu_us": (None, None), "p50_us": (None, None), "p99_us": (None, None)}),
    "list": ("ListEntries, pages of 1,000 of 100,000 entries (CPU per entry)",
             {"entries": (100_000, None), "cpu_us": (None, None), "p50_us": (None, None), "p99_us": (None, None)}),
    "list_postgres": ("the same on PostgreSQL", {"entries": (None, None), "cpu_us": (None, None)}),
    "model": ("model of 100,000 entries over 10,000 agents",
              {"lookup_us": (5, None), "build_ms": (100, None), "bytes": (1000, None), "change_us": (None, None)}),
    "model_fixture": ("model of 50,000 agents with 602 entries, 300 of them each agent's",
                      {"lookup_us": (5, None), "walk_us": (None, None), "build_ms": (None, None)}),
    "fleet": ("10,000 agents (or as many as fit), 100 changes per second",
              {"attest_rate": (None, None), "idle_percent": (None, None), "percent": (None, None), "kb": (None, None),
               "p50_ms": (None, 5200), "p99_ms": (None, 10_500)}),
    "fleet_watch": ("the same on watch streams",
                    {"attest_rate": (None, None), "idle_percent": (None, None), "percent": (None, None), "kb": (None, None),
                     "p50_ms": (None, None), "p99_ms": (100, None)}),
    "storm_watch": ("all watch streams back after a kill of the server (CPU per agent)",
                    {"half_seconds": (None, None), "seconds": (None, None), "cpu_us": (None, None), "worst_ms": (1000, None)}),
    "storm": ("all of them back after a kill of the server (CPU per agent)",
              {"half_seconds": (None, None), "seconds": (None, None), "cpu_us": (None, None), "worst_ms": (1000, None)}),
    "change": ("entry created → SVID at an open stream", {"p50_ms": (None, 5200), "p99_ms": (100, 5500)}),
    "removal": ("entry deleted → gone from an open stream", {"p50_ms": (None, None), "p99_ms": (100, None)}),
    "change_peers": ("entry created on one server → SVID at an agent of another, PostgreSQL",
                     {"p50_ms": (None, None), "p99_ms": (150, None)}),
    "removal_peers": ("entry deleted on one server → gone at an agent of another", {"p50_ms": (None, None), "p99_ms": (150, None)}),
    "first_svid": ("agent's first start → first SVID, entry just created", {"ms": (300, 5600)}),
    "start_server": ("start → healthy, server", {"ms": (50, 83)}),
    "start_server_entries": ("start → healthy, server with 10,000 entries", {"ms": (None, None)}),
    "start_agent": ("start → healthy, agent with stored SVID", {"ms": (30, 38)}),
    "idle_server": ("idle server", {"mb": (8, 12.4)}),
    "idle_agent": ("idle agent", {"mb": (6, 10.2)}),
    "server_entries": ("server with 10,000 entries, after they were created", {"mb": (25, 50)}),
    "server_entries_restarted": ("server with 10,000 entries, restarted", {"mb": (25, None)}),
    "idle_streams": ("10,000 idle Workload API streams, 100 connections", {"kb": (20, None)}),
    "idle_connections": ("idle Workload API streams, a connection each", {"kb": (20, None)}),
    "agent_entries": ("agent with 50,000 entries and 1,000 SVIDs (per entry)", {"bytes": (None, None), "mb": (None, None)}),
    "agent_svids": ("the same with all 50,000 SVIDs (per further SVID)", {"kb": (3, None), "mb": (None, None)}),
    "agent_streams": ("10,000 streams, 100 connections, 50,000 entries", {"kb": (20, None), "idle_percent": (1, None)}),
    "stranger_connection": ("a stranger's TCP connection that says nothing", {"cpu_us": (None, None), "kb": (None, None)}),
    "stranger_hello_held": ("a TLS handshake that stops after its first message, held open",
                            {"cpu_us": (None, None), "kb": (None, None)}),
    "stranger_hello": ("a TLS handshake that stops after its first message, closed", {"cpu_us": (None, None)}),
    "stranger_handshake": ("a TLS handshake without a certificate", {"cpu_us": (None, None)}),
    "stranger_headers": ("a connection whose headers do not end", {"cpu_us": (None, None)}),
    "stranger_pings": ("a connection that pings until it is closed", {"cpu_us": (None, None)}),
    "stranger_bundle": ("GetBundle, a connection each", {"cpu_us": (None, None)}),
    "stranger_page": ("the bundle endpoint, a connection each", {"cpu_us": (None, None)}),
    "stranger_chains": ("AttestAgent with intermediates that lead nowhere (P-521), a connection each", {"cpu_us": (None, None)}),
    "stranger_ssh": ("AttestAgent with an SSH certificate of a stranger, a connection each", {"cpu_us": (None, None)}),
    "stranger_large": ("AttestAgent with a message of 4 MiB, a connection each", {"cpu_us": (None, None)}),
    "honest": ("an agent connects and attests", {"p50_ms": (None, None), "p99_ms": (None, None)}),
    "honest_one_address": ("the same beside 1,000 callers of one other address",
                           {"p50_ms": (None, None), "p99_ms": (1000, None), "percent": (None, None), "mb": (None, None)}),
    "honest_addresses": ("the same beside 1,000 callers of as many addresses",
                         {"p50_ms": (None, None), "p99_ms": (5000, None), "percent": (None, None), "mb": (None, None)}),
    "bundle_change": ("own bundle changed → at all of these streams (CPU per stream)",
                      {"p50_ms": (None, None), "ms": (1000, None), "cpu_us": (None, None)}),
}


class Results:
    def __init__(self, configuration, quick):
        model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                      if line.startswith("model name")), platform.machine())
        self.data = {"when": time.strftime("%Y-%m-%d"), "configuration": configuration, "quick": quick,
                     "machine": {"processors": len(list(Path("/sys/devices/system/cpu").glob("cpu[0-9]*"))), "model": model},
                     "floors": {}, "figures": {}, "scale": []}
        print(f"{'work':<60} {'column':<17} {'measured':>16} {'target':>10} {'':<5} {'upstream':>9} {'÷ floor':>8}")

    def floor(self, name, value, unit, note=""):
        self.data["floors"][name] = value
        print(f"floor: {name:<53} {'':<17} {value:>10,.1f} {unit:<5} {note}", flush=True)

    def add(self, key, floors=None, **values):
        """Prints a figure, a line for each column; `floors` names the least that the work can cost, by column."""
        work, columns = FIGURES[key]
        columns = {c: t for c, t in columns.items() if c in values}
        figure = {"work": work, "values": {}, "floor": floors or {}}
        for column, (target, upstream) in columns.items():
            name, unit, less = COLUMNS[column]
            value, bound = values[column], target if target is not None else upstream
            ok = None if bound is None else (value <= bound if less else value >= bound)
            ratio = value / floors[column] if floors and floors.get(column) else None
            figure["values"][column] = {"value": value, "target": target, "upstream": upstream, "pass": ok, "ratio": ratio}
            shown = "" if bound is None else f"{'≤' if less else '≥'} {number(bound)}"
            print(f"{work:<60} {name:<17} {number(value):>9} {unit:<6} {shown:>10} "
                  f"{'' if ok is None else 'pass' if ok else 'MISS':<5} {'' if upstream is None else number(upstream):>9} "
                  f"{'' if ratio is None else f'{ratio:.1f}':>8}", flush=True)
            work = ""
        self.data["figures"][key] = figure

    def scale(self, what, count, **values):
        self.data["scale"].append({"what": what, "count": count, **values})
        shown = "  ".join(f"{key.replace('_', ' ')} {number(value)}" for key, value in values.items())
        print(f"{count:>9,} {what:<28} {shown}", flush=True)

    def write(self, path):
        path.write_text(json.dumps(self.data, indent=1, ensure_ascii=False) + "\n")
        misses = sum(v["pass"] is False for f in self.data["figures"].values() for v in f["values"].values())
        print(f"{misses} columns miss; written to {path}")


def number(value):
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.1f}"
