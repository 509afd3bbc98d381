"""Frames that end a connection, and frames that must not (RFC 9113), case by case."""
import struct

from conformance_calls import (CASES, CONTINUATION, DATA, GOAWAY, HEADERS, OK, PING, PRIORITY, PUSH, RST, SETTINGS, WINDOW,
                               case, expect)
from http2 import (COMPRESSION, FLOW_CONTROL, FRAME_SIZE, PREFACE, PROTOCOL, STREAM_CLOSED, Closed, Connection, Stream, raw)
from hyperframe.frame import (ContinuationFrame, HeadersFrame, PriorityFrame, RstStreamFrame,
                              WindowUpdateFrame)

# connections: each of these must end the connection with the code, and nothing else


def must_close(endpoint, codes, *bytes, **options):
    with endpoint.connect(**options) as c:
        endpoint.check(c)
        try:
            c.send(b"".join(bytes))
        except Closed:
            pass
        try:
            c.until(lambda: c.goaway is not None, "GOAWAY")
        except Closed:
            pass
        assert c.goaway in codes, f"GOAWAY with one of {codes} expected, got {c.goaway}"
    return "logged"


def closing(doc, codes, *bytes):
    def run(endpoint):
        return must_close(endpoint, codes, *bytes)
    run.__doc__ = doc
    run.connections = 1
    run.__name__ = doc.replace(" ", "_").replace(",", "")
    CASES.append(run)


closing("DATA on stream 0", (PROTOCOL,), raw(DATA, 0, 0, b"x"))
closing("HEADERS on stream 0", (PROTOCOL,), raw(HEADERS, 4, 0, b"\x82"))
closing("RST_STREAM on stream 0", (PROTOCOL,), raw(RST, 0, 0, b"\0\0\0\0"))
closing("SETTINGS on a stream", (PROTOCOL,), raw(SETTINGS, 0, 1))
closing("SETTINGS of a wrong length", (FRAME_SIZE,), raw(SETTINGS, 0, 0, b"12345"))
closing("SETTINGS acknowledgement with a payload", (FRAME_SIZE,), raw(SETTINGS, 1, 0, b"123456"))
closing("SETTINGS with a push of 2", (PROTOCOL,), raw(SETTINGS, 0, 0, struct.pack(">HI", 2, 2)))
closing("SETTINGS with a window above 2^31-1", (FLOW_CONTROL,), raw(SETTINGS, 0, 0, struct.pack(">HI", 4, 1 << 31)))
closing("SETTINGS with a frame size below 16384", (PROTOCOL,), raw(SETTINGS, 0, 0, struct.pack(">HI", 5, 1)))
closing("PING of a wrong length", (FRAME_SIZE,), raw(PING, 0, 0, b"1234567"))
closing("PING on a stream", (PROTOCOL,), raw(PING, 0, 1, b"12345678"))
closing("GOAWAY on a stream", (PROTOCOL,), raw(GOAWAY, 0, 1, b"\0" * 8))
closing("GOAWAY of a wrong length", (FRAME_SIZE,), raw(GOAWAY, 0, 0, b"\0" * 4))
closing("WINDOW_UPDATE of 0", (PROTOCOL,), raw(WINDOW, 0, 0, b"\0\0\0\0"))
closing("WINDOW_UPDATE of a wrong length", (FRAME_SIZE,), raw(WINDOW, 0, 0, b"\0\0\0"))
closing("a connection window above 2^31-1", (FLOW_CONTROL,), raw(WINDOW, 0, 0, b"\x7f\xff\xff\xff") * 2)
closing("PUSH_PROMISE from a client", (PROTOCOL,), raw(PUSH, 4, 1, b"\0\0\0\2\x82"))
closing("CONTINUATION out of nowhere", (PROTOCOL,), raw(CONTINUATION, 4, 3, b"\x82"))
closing("a frame above the announced size", (FRAME_SIZE,), raw(DATA, 0, 1, b"\0" * 17000))
closing("an even stream", (PROTOCOL,), raw(HEADERS, 5, 2, b"\x83\x86\x84"))
closing("a stream number below the last", (PROTOCOL, STREAM_CLOSED), raw(HEADERS, 5, 101, b"\x83\x86\x84"),
        raw(HEADERS, 5, 99, b"\x83\x86\x84"))
closing("DATA on an idle stream", (PROTOCOL, STREAM_CLOSED), raw(DATA, 1, 99, b"x"))
closing("RST_STREAM on an idle stream", (PROTOCOL,), raw(RST, 0, 99, b"\0\0\0\0"))
closing("RST_STREAM of a wrong length", (FRAME_SIZE,), raw(RST, 0, 1, b"\0\0\0"))
closing("WINDOW_UPDATE on an idle stream", (PROTOCOL,), raw(WINDOW, 0, 99, b"\0\0\0\1"))
closing("padding longer than the frame", (PROTOCOL, FRAME_SIZE), raw(HEADERS, 4 | 8, 99, b"\xff\x82"))
closing("a frame between HEADERS and CONTINUATION", (PROTOCOL,), raw(HEADERS, 1, 99, b"\x83"), raw(PING, 0, 0, b"12345678"))
closing("CONTINUATION of another stream", (PROTOCOL,), raw(HEADERS, 1, 99, b"\x83"), raw(CONTINUATION, 4, 101, b"\x86"))
closing("a header index that does not exist", (COMPRESSION,), raw(HEADERS, 5, 99, b"\xff\xff\xff\x07"))
closing("a header table above the announced size", (COMPRESSION,), raw(HEADERS, 5, 99, b"\x3f\xe1\xff\xff\x03\x82"))
closing("a Huffman code that does not end", (COMPRESSION,), raw(HEADERS, 5, 99, b"\x40\x84\xff\xff\xff\xff\x01a"))


@case
def closes_by_itself(endpoint):
    """a connection that is over is closed, also when its client stays"""
    with endpoint.connect() as c:
        c.raw(DATA, 0, 0, b"x")
        assert c.until_closed() == PROTOCOL, c.goaway


@case
def not_settings_first(endpoint):
    """a preface that is not followed by SETTINGS ends the connection"""
    with Connection(endpoint.socket(), preface=None) as c:
        c.send(PREFACE + raw(PING, 0, 0, b"12345678"))
        assert c.until_closed() in (PROTOCOL, None)
    return "logged"


@case
def garbage_preface(endpoint):
    """garbage instead of the preface ends the connection"""
    opened = []
    for garbage in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" * 100, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 100,
                    PREFACE[:-1] + b"x" + b"\0" * 9, b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", b"\xff" * 70000):
        c = Connection(endpoint.socket(), preface=None)
        opened.append(c)
        try:
            c.send(garbage)
        except Closed:
            pass
    for c in opened:
        c.until_closed()
        c.close()
    return "logged"


garbage_preface.connections = 6


@case
def unknown_frames(endpoint):
    """unknown frames, settings and flags are ignored"""
    with endpoint.connect() as c:
        c.raw(0xbe, 0xff, 0, b"what")
        c.raw(0xbf, 0, 1, b"")
        c.raw(SETTINGS, 0, 0, struct.pack(">HI", 0x99, 7))
        c.raw(PING, 0xfe, 0, b"12345678")
        c.frame(PriorityFrame(0x41, depends_on=0, stream_weight=3, exclusive=False))
        c.until(lambda: c.acks == 1, "the ping's answer")
        endpoint.check(c)


@case
def closed_streams(endpoint):
    """frames on closed streams: window updates and resets are ignored, data is an error of the stream or connection"""
    with endpoint.connect() as c:
        endpoint.check(c)
        c.frame(WindowUpdateFrame(1, 10))
        c.frame(RstStreamFrame(1, 8))
        c.frame(PriorityFrame(1, depends_on=0, stream_weight=3, exclusive=False))
        endpoint.check(c)
        try:
            c.raw(DATA, 1, 1, b"late")
            endpoint.check(c)
        except Closed:
            assert c.goaway in (STREAM_CLOSED, PROTOCOL), c.goaway


@case
def stream_window_overflow(endpoint):
    """a stream window above 2^31-1 ends the stream or the connection with FLOW_CONTROL_ERROR"""
    with endpoint.connect() as c:
        stream = endpoint.open_stream(c)
        try:
            c.send(raw(WINDOW, 0, stream, b"\x7f\xff\xff\xff") * 2)
            reply = c.finish(stream)
            assert reply.reset == FLOW_CONTROL, reply
            endpoint.check(c)
        except Closed:
            assert c.goaway == FLOW_CONTROL, c.goaway


@case
def receive_window_overflow(endpoint):
    """data beyond the window that the server granted ends the stream or the connection"""
    with endpoint.connect() as c:
        path, _, more = endpoint.unary
        stream = c.begin(path, b"\x00\x00\x3f\xff\xff", end=False, more=more)
        try:
            for _ in range(1200):
                c.raw(DATA, 0, stream, b"\0" * 16384)
            c.until(lambda: c.streams[stream].done, "end of the stream")
            reply = c.streams[stream]
            assert reply.reset == FLOW_CONTROL or reply.grpc not in (None, OK), reply
        except Closed:
            assert c.goaway in (FLOW_CONTROL, STREAM_CLOSED), c.goaway


@case
def self_dependency(endpoint):
    """a stream that depends on itself is an error or ignored, RFC 9113 section 5.3"""
    with endpoint.connect() as c:
        try:
            c.raw(PRIORITY, 0, 99, struct.pack(">IB", 99, 1))
            endpoint.check(c)
        except Closed:
            assert c.goaway == PROTOCOL, c.goaway


@case
def client_goaway(endpoint):
    """a client's GOAWAY lets its calls finish, then the connection ends"""
    with endpoint.connect() as c:
        path, message, more = endpoint.unary
        stream = c.begin(path, None, end=False, more=more)
        c.raw(GOAWAY, 0, 0, struct.pack(">II", 0, 0) + b"bye")
        c.data(stream, message, end=True)
        expect(c.finish(stream))


@case
def continuation(endpoint):
    """a header block in many CONTINUATION frames is read"""
    path, message, more = endpoint.unary
    with endpoint.connect() as c:
        fields = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "x"),
                  ("content-type", "application/grpc"), ("te", "trailers")] + more + [(f"x-{i}", "y" * 50) for i in range(10)]
        block = c.encoder.encode(fields)
        stream = c.new_stream()
        c.streams[stream] = Stream()
        parts = [block[i:i + max(1, len(block) // 4)] for i in range(0, len(block), max(1, len(block) // 4))]
        c.frame(HeadersFrame(stream, parts[0]))
        for part in parts[1:]:
            c.frame(ContinuationFrame(stream, part, flags=["END_HEADERS"] if part is parts[-1] else []))
        c.data(stream, message, end=True)
        expect(c.finish(stream))
