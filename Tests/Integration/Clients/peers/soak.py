"""Everything that clients do, over and over: memory and descriptors must not grow.

usage: soak.py [SECONDS]   (1800)
"""
import random
import sys
import time

from http2 import Closed, grpc_frame
from subjects import endpoints, eventually, give_up_after

seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 1800
give_up_after(seconds + 240)
AGE = (180 * 0.9 - 5, 180 * 1.1 + 25)
everything = endpoints()
processes = {e.process.pid: e.process for e in everything}.values()
random.seed(4)


def calls(e):
    with e.connect() as c:
        for _ in range(20):
            e.check(c)


def cancels(e):
    with e.connect() as c:
        for _ in range(10):
            c.reset(e.open_stream(c))
        e.check(c)


def leaves(e):
    """Goes without a word, in the middle of calls."""
    c = e.connect()
    for _ in range(5):
        e.open_stream(c)
    c.close()


def refused(e):
    with e.connect() as c:
        c.call("/no.such/Method", b"\0\0\0\0\0")
        c.call(e.unary[0], b"\5\0\0\0\0", more=e.unary[2])
        c.call(e.unary[0], e.unary[1], content_type="text/plain", more=e.unary[2])
        e.check(c)


def breaks(e):
    with e.connect() as c:
        try:
            c.raw(0, 0, 0, b"x")
            c.until_closed()
        except Closed:
            pass


def large(e):
    with e.connect() as c:
        message = e.unary[1][5:]
        size = 1 << 20
        padding = b"\xfa\x3e" + bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14]) + b"\0" * size
        assert c.call(e.unary[0], grpc_frame(message + padding), more=e.unary[2]).grpc == 0


ways = [calls, cancels, leaves, refused, breaks, large]


def round():
    for e in everything:
        for way in random.sample(ways, len(ways)):
            way(e)


def state():
    return {p.name: (p.anonymous, p.descriptors) for p in processes}


# The connection that stays: on TCP it is asked to go after three minutes, and its call, which still has to send its
# message, lives on until it is answered.
tcp = next(e for e in everything if e.name == "server TCP")
old = tcp.connect()
running = old.begin(tcp.unary[0], end=False)
since = time.monotonic()
told = None


def watch_age():
    global told
    if told is None:
        old.pump(0)
        assert not old.eof, "the connection with a running call was closed"
        if old.goaway is not None:
            told = time.monotonic() - since
            assert old.goaway == 0 and AGE[0] <= told <= AGE[1], (old.goaway, told)
            assert not old.streams[running].done, old.streams[running]
            old.data(running, tcp.unary[1], end=True)
            reply = old.finish(running)
            assert reply.grpc == 0, reply
            print(f"asked to go after {told:.0f} s, its call lived", flush=True)
        assert told is not None or time.monotonic() - since < AGE[1], "not asked to go in time"


for _ in range(2 if seconds < 60 else 20):
    round()
first, samples = state(), []
end = time.monotonic() + seconds
rounds, shown = 0, time.monotonic()
while time.monotonic() < end:
    round()
    watch_age()
    rounds += 1
    samples.append(state())
    if time.monotonic() - shown > 60:
        shown = time.monotonic()
        print(f"{rounds} rounds", {n: f"{m >> 10} kB, {d} descriptors" for n, (m, d) in samples[-1].items()}, flush=True)
old.close()
for p in processes:
    assert p.alive
    limit = first[p.name][1]
    eventually(f"{p.name}: descriptors back to {limit}", lambda: p.descriptors <= limit)
    half = [s[p.name][0] for s in samples[len(samples) // 2:]]
    before = max([first[p.name][0]] + [s[p.name][0] for s in samples[:max(1, len(samples) // 2)]])
    print(f"{p.name}: {rounds} rounds, RssAnon {first[p.name][0] >> 10} kB at first, highest {before >> 10} kB in the "
          f"first half, {max(half) >> 10} kB in the second", flush=True)
    assert max(half) <= before * 1.1 + (4 << 20), f"{p.name} grows"
print("soak: ok")
