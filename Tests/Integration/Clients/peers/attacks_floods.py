"""Floods, endless lists, and clients that do not read."""
import os
import select
import ssl
import time

from http2 import PREFACE, Closed, Connection, Stream, grpc_frame, raw
from hyperframe.frame import (ContinuationFrame, DataFrame, HeadersFrame, PingFrame, PriorityFrame, RstStreamFrame,
                              SettingsFrame, WindowUpdateFrame)
from subjects import COUNT

CASES = []


def case(function):
    function.connections = 4
    CASES.append(function)
    return function


def flood(endpoint, chunks, seconds=2.0, read=False):
    """Sends `chunks` as fast as they are taken, until they are over, the connection ends or the time is up.
    Returns the connection and the number of bytes sent."""
    c = endpoint.connect()
    c.sock.setblocking(False)
    sent, end = 0, time.monotonic() + seconds
    for chunk in chunks:
        view = memoryview(chunk)
        while view:
            if time.monotonic() > end:
                return c, sent
            try:
                n = c.sock.send(view)
                sent += n
                view = view[n:]
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                select.select([c.sock] if read else [], [c.sock], [], 0.05)
            except OSError:
                c.eof = True
                return c, sent
            if read:
                c.pump(0)
                c.sock.setblocking(False)
                if c.eof:
                    return c, sent
    return c, sent


def check_both(endpoint, chunks, ways=(True, False), **options):
    """The flood, from a client that reads and from one that does not. Each time others are served meanwhile."""
    for read in ways:
        with endpoint.connect() as other:
            c, sent = flood(endpoint, iter(chunks()), read=read, **options)
            endpoint.check(other)
            c.close()


def repeated(chunk, times):
    return lambda: (chunk for _ in range(int(times)))


@case
def ping_flood(endpoint):
    """a flood of pings"""
    check_both(endpoint, repeated(PingFrame(0, b"12345678").serialize() * 1000, 100))


@case
def settings_flood(endpoint):
    """a flood of settings"""
    check_both(endpoint, repeated(SettingsFrame(0, settings={4: 1000}).serialize() * 1000, 100))


@case
def priority_flood(endpoint):
    """a flood of priorities"""
    one = PriorityFrame(0x41, depends_on=0, stream_weight=3, exclusive=False).serialize()
    check_both(endpoint, repeated(one * 1000, 100))


@case
def unknown_flood(endpoint):
    """a flood of unknown frames"""
    check_both(endpoint, repeated(raw(0xbe, 0, 0, b"x" * 100) * 100, 300))


@case
def window_flood(endpoint):
    """a flood of window updates"""
    check_both(endpoint, repeated(WindowUpdateFrame(0, 1).serialize() * 1000, 100))


@case
def empty_data_flood(endpoint):
    """a flood of empty DATA frames"""
    def chunks():
        path, _, more = endpoint.unary
        encoder = Connection(NoSocket(), preface=None).encoder
        yield HeadersFrame(1, encoder.encode(fields(path, more)), flags=["END_HEADERS"]).serialize()
        for _ in range(300):
            yield raw(0, 0, 1) * 1000
    check_both(endpoint, chunks)


@case
def continuation_flood(endpoint):
    """a header block that never ends"""
    def chunks():
        path, _, more = endpoint.unary
        encoder = Connection(NoSocket(), preface=None).encoder
        yield HeadersFrame(1, encoder.encode(fields(path, more))).serialize()
        for _ in range(1000):
            yield ContinuationFrame(1, encoder.encode([(f"x-{os.urandom(4).hex()}", "y" * 8000)])).serialize()
    check_both(endpoint, chunks)
    check_both(endpoint, lambda: (raw(1, 0, 1, b"\x83"), *(raw(9, 0, 1) * 1000 for _ in range(300))))


@case
def rapid_reset(endpoint):
    """streams that are opened and reset at once"""
    check_both(endpoint, streams(endpoint.stream, lambda s: RstStreamFrame(s, 8).serialize()), ways=(False,))


@case
def cancelled_after_news(endpoint):
    """streams that are cancelled after their first message are calls like others, however many"""
    if not endpoint.streams_answer:
        return "skip"
    with endpoint.connect() as c:
        for _ in range(int(30 * COUNT)):
            batch = [endpoint.open_stream(c) for _ in range(50)]
            c.until(lambda: all(c.streams[s].messages() or c.streams[s].done for s in batch), "first messages")
            for stream in batch:
                c.reset(stream)
                c.streams.pop(stream)
        endpoint.check(c)
        assert c.goaway is None


@case
def too_many_streams(endpoint):
    """streams beyond the announced number are refused one by one, and the connection lives"""
    with endpoint.connect() as c:
        most = c.settings[SettingsFrame.MAX_CONCURRENT_STREAMS]
        assert most == endpoint.calls, most
        path, _, more = endpoint.unary
        opened = [c.begin(path, None, end=False, more=more) for _ in range(most + 20)]
        c.until(lambda: all(c.streams[s].done for s in opened[most:]), "the end of what is too much")
        assert all(c.streams[s].reset == 7 for s in opened[most:]), [c.streams[s] for s in opened[most:]]
        assert not any(c.streams[s].done for s in opened[:most]), "streams that were not too many ended"
        for stream in opened[:most]:
            c.reset(stream)
        endpoint.check(c)
        assert c.goaway is None


@case
def refusals_not_read(endpoint):
    """requests that are refused, from a client that never reads: nothing piles up"""
    def chunks():
        _, _, more = endpoint.unary
        encoder = Connection(NoSocket(), preface=None).encoder
        yield HeadersFrame(1, encoder.encode(fields("/no.such/Method", more)), flags=["END_HEADERS", "END_STREAM"]).serialize()
        block = encoder.encode(fields("/no.such/Method", more))
        for first in range(3, 1_000_000, 400):
            yield b"".join(HeadersFrame(s, block, flags=["END_HEADERS", "END_STREAM"]).serialize()
                           for s in range(first, first + 400, 2))
    with endpoint.connect() as other:
        before = endpoint.process.anonymous
        c, sent = flood(endpoint, chunks())
        endpoint.check(other)
        grown = endpoint.process.anonymous - before
        assert grown < 8 << 20, f"{grown >> 20} MiB more while {sent >> 10} KiB were taken"
        c.close()


@case
def made_you_reset(endpoint):
    """streams that make the server reset them"""
    check_both(endpoint, streams(endpoint.unary, lambda s: raw(8, 0, s, b"\0\0\0\0")), ways=(False,))


def streams(method, then, count=30_000):
    """Many streams, each followed by a frame."""
    def chunks():
        path, _, more = method
        encoder = Connection(NoSocket(), preface=None).encoder
        block = encoder.encode(fields(path, more))
        yield HeadersFrame(1, block, flags=["END_HEADERS"]).serialize() + then(1)
        block = encoder.encode(fields(path, more))  # from here on all fields are in the table
        for first in range(3, 2 * count, 400):
            yield b"".join(HeadersFrame(s, block, flags=["END_HEADERS"]).serialize() + then(s)
                           for s in range(first, first + 400, 2))
    return chunks


@case
def huge_header_lists(endpoint):
    """header lists above the announced size are refused"""
    path, message, more = endpoint.unary
    with endpoint.connect() as c:
        try:
            for _ in range(20):
                reply = c.call(path, message, more=more + [(f"x-{i}", "y" * 4000) for i in range(3)])
            stream = c.new_stream()
            block = c.encoder.encode(fields(path, more) + [(f"x-{i}", os.urandom(2000).hex()) for i in range(200)])
            parts = [block[i:i + 16000] for i in range(0, len(block), 16000)]
            c.streams[stream] = Stream()
            c.frame(HeadersFrame(stream, parts[0]))
            for part in parts[1:]:
                c.frame(ContinuationFrame(stream, part, flags=["END_HEADERS"] if part is parts[-1] else []))
            reply = c.finish(stream)
            assert reply.reset is not None or reply.http != 200 or reply.grpc not in (0, None), reply
            endpoint.check(c)
        except Closed:
            pass


@case
def hpack_bomb(endpoint):
    """one byte per header field of 4 kB: a small block that becomes a large list"""
    path, message, more = endpoint.unary
    with endpoint.connect() as c:
        try:
            block = c.encoder.encode(fields(path, more))
            bomb = block + b"\x40\x01a" + b"\x7f\xa1\x1e" + b"y" * 4000 + b"\xbe" * 12000
            for n in range(30):
                stream = c.new_stream()
                c.streams[stream] = Stream()
                c.raw(1, 5, stream, bomb if n == 0 else b"\xbe" * 16000)
            c.ping()
            c.until_closed(3)
        except (Closed, TimeoutError):
            pass


@case
def never_reads(endpoint):
    """a client that asks for much and reads nothing"""
    path, message, more = endpoint.unary
    if endpoint.name != "server TCP":
        path, message, more = ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                               grpc_frame(b"\x22\x1bspire.api.server.svid.v1.SVID"), [])
    connections = []
    for _ in range(4):
        c = endpoint.connect(settings={SettingsFrame.INITIAL_WINDOW_SIZE: 0})
        for _ in range(100):
            c.begin(path, message, more=more)
        connections.append(c)
    with endpoint.connect() as other:
        for _ in range(20):
            endpoint.check(other)
    for c in connections:
        c.close()


@case
def never_reads_a_stream(endpoint):
    """a stream of questions without reading an answer is held back"""
    if endpoint.name == "server TCP":
        return "skip"
    question = grpc_frame(b"\x22\x1bspire.api.server.svid.v1.SVID") * 500
    with endpoint.connect(settings={SettingsFrame.INITIAL_WINDOW_SIZE: 0}) as c, endpoint.connect() as other:
        stream = c.begin("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", None, end=False)
        sent, end = 0, time.monotonic() + 15
        while time.monotonic() < end:
            size = min(len(question), 16384, c.window, c.stream_window(stream))
            if size < 1000:
                before = (c.window, c.stream_window(stream))
                c.pump(1)
                if (c.window, c.stream_window(stream)) == before:
                    break
                continue
            c.raw(0, 0, stream, question[:len(question) // 33 * 33][:size // 33 * 33])
            c.window -= size // 33 * 33
            c.windows[stream] -= size // 33 * 33
            sent += size
        else:
            raise AssertionError(f"the server still takes questions after {sent >> 10} KiB")
        endpoint.check(other)


@case
def socket_not_read(endpoint):
    """a client with open windows that leaves its socket full"""
    path, message, more = endpoint.unary
    connections = []
    for _ in range(4):
        c = endpoint.connect(settings={SettingsFrame.INITIAL_WINDOW_SIZE: (1 << 31) - 1})
        c.send(WindowUpdateFrame(0, (1 << 31) - 70000).serialize())
        c.sock.setblocking(False)
        try:
            for n in range(500):
                stream = c.new_stream()
                c.sock.send(HeadersFrame(stream, c.encoder.encode(fields(path, more)), flags=["END_HEADERS"]).serialize()
                            + DataFrame(stream, message, flags=["END_STREAM"]).serialize())
        except (BlockingIOError, ssl.SSLError, OSError):
            pass
        connections.append(c)
    with endpoint.connect() as other:
        for _ in range(20):
            endpoint.check(other)
    for c in connections:
        c.close()


@case
def trickle(endpoint):
    """a call that arrives byte by byte"""
    path, message, more = endpoint.unary
    with Connection(endpoint.socket(), preface=None) as c, endpoint.connect() as other:
        bytes = (PREFACE + SettingsFrame().serialize()
                 + HeadersFrame(1, c.encoder.encode(fields(path, more)), flags=["END_HEADERS"]).serialize()
                 + DataFrame(1, message, flags=["END_STREAM"]).serialize())
        c.streams[1] = Stream()
        for n, byte in enumerate(bytes):
            c.send(bytes[n:n + 1])
            if n % 16 == 0:
                endpoint.check(other)
        reply = c.finish(1)
        assert reply.grpc == 0, reply


def fields(path, more):
    return [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost"),
            ("content-type", "application/grpc"), ("te", "trailers")] + more


class NoSocket:
    """For a connection that only encodes."""
