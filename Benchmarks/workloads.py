"""One agent with very many entries, SVIDs and streams: what each of them costs it, what it costs at rest, and how a change
that concerns everybody reaches everybody."""
import subprocess
import time
from pathlib import Path

import scale
from deployment import BIN, Deployment, anonymous, cpu, settle

# The SVIDs that an agent keeps for entries that nobody asked for.
DEFAULT = 1_000


def measure(results, quick=False):
    entries, connections, streams = (2_000, 20, 25) if quick else (50_000, 100, 100)
    d = Deployment()
    try:
        d.start("spire-server")
        d.first_agent()
        settle(d.agent.pid)
        idle = anonymous(d.agent.pid)
        d.stop(d.agent)
        scale.create_entries(d, entries, parent="/host")
        d.restart_agent()
        settle(d.agent.pid, 120)
        some = anonymous(d.agent.pid)
        results.add("agent_entries", bytes=(some - idle) * 1024 * 1024 / entries, mb=some)
        serving(d, results, connections, streams)
        all_cached(d, entries)
        settle(d.agent.pid, 600)
        cached = anonymous(d.agent.pid)
        results.add("agent_svids", kb=(cached - some) * 1024 / (entries - DEFAULT), mb=cached)
    finally:
        d.close()


def serving(d, results, connections, streams):
    """Streams of one workload, on some connections: memory, rest, and a new authority in the own bundle."""
    open_streams = scale.Streams(d, connections, streams)
    used, began = cpu(d.agent.pid), time.monotonic()
    time.sleep(10)
    rest = (cpu(d.agent.pid) - used) / (time.monotonic() - began) * 100
    half, last, each = open_streams.until_all_have_news(lambda: subprocess.run(
        [str(BIN / "spire-server"), "localauthority", "x509", "prepare", "-socketPath", d.server_socket],
        check=True, capture_output=True))
    open_streams.close()
    results.add("agent_streams", kb=open_streams.kb, idle_percent=rest)
    results.add("bundle_change", p50_ms=half, ms=last, cpu_us=each)


def all_cached(d, entries):
    """Starts the agent anew with room for the SVIDs of all entries."""
    path = Path(d.dir / "agent.conf")
    path.write_text(path.read_text().replace('log_level = "WARN" }', f'''log_level = "WARN"
  x509_svid_cache_max_size = {entries + 10} }}'''))
    d.restart_agent()
