"""Open Workload API streams that wait, from many connections: what each costs the agent.

usage: idle_streams.py [STREAMS [BYTES]]   (1,000 streams of at most 20,000 bytes; `make soak` asks for 10,000)
"""
import resource
import sys
import time

from subjects import endpoints, eventually, give_up_after

give_up_after(450)
streams = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
LIMIT = int(sys.argv[2]) if len(sys.argv) > 2 else 20_000
per_connection = 20
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
agent = next(e for e in endpoints() if e.name == "agent")
process = agent.process


def open_streams(count):
    connections = []
    for _ in range(count // per_connection):
        c = agent.connect()
        opened = [agent.open_stream(c) for _ in range(per_connection)]
        c.until(lambda: all(c.streams[s].messages() for s in opened), "an SVID on each stream")
        assert not any(c.streams[s].done for s in opened), c.streams
        connections.append(c)
    return connections


def settled():
    """Memory when it no longer falls."""
    lowest = process.anonymous
    for _ in range(10):
        time.sleep(0.1)
        lowest = min(lowest, process.anonymous)
    return lowest


for c in open_streams(200):  # what the first calls bring with them is not the streams' cost
    c.close()
with agent.connect() as witness:
    agent.check(witness)
    before, descriptors = settled(), process.descriptors
    connections = open_streams(streams)
    cost = (settled() - before) / streams
    print(f"{streams} idle streams over {len(connections)} connections: {cost:.0f} bytes each "
          f"(RssAnon {before >> 10} kB before, {process.anonymous >> 10} kB now)", flush=True)
    agent.check(witness)
    for c in connections:
        c.pump(0)
        assert not c.eof and c.goaway is None
    with agent.connect() as other:
        agent.check(other)
    for c in connections:
        c.close()
    eventually("descriptors back", lambda: process.descriptors <= descriptors, 60)
    agent.check(witness)
    # A second round takes no more: what the first one left is used again.
    again = open_streams(streams)
    growth = (settled() - before) / streams
    for c in again:
        c.close()
    eventually("descriptors back", lambda: process.descriptors <= descriptors, 60)
    print(f"a second time: {growth:.0f} bytes each", flush=True)
assert process.alive
assert cost <= LIMIT, f"an idle stream costs {cost:.0f} bytes, {LIMIT} are allowed"
assert growth <= LIMIT * 1.25, f"memory grows with each round: {growth:.0f} bytes per stream"
print("idle streams: ok")
