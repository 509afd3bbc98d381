"""Calls, messages and streams of gRPC over HTTP/2, case by case."""
import base64
import gzip

from http2 import PROTOCOL, REFUSED, Closed, grpc_frame
from hyperframe.frame import SettingsFrame, WindowUpdateFrame

CASES = []
OK, UNKNOWN, INVALID, DEADLINE, EXHAUSTED, UNIMPLEMENTED, INTERNAL = 0, 2, 3, 4, 8, 12, 13
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)


def case(function):
    function.connections = 12  # as many as a case opens
    CASES.append(function)
    return function


def expect(reply, http=200, grpc=OK, text=None):
    assert reply.http == http, f"HTTP {http} expected: {reply}"
    codes = grpc if isinstance(grpc, tuple) else (grpc,)
    assert reply.grpc in codes, f"grpc-status {codes} expected: {reply}"
    if text:
        assert text in reply.message, f"{text!r} expected: {reply}"
    return reply


# gRPC over HTTP/2: what a call must look like


def one_call(endpoint, then_check=True, **options):
    with endpoint.connect() as c:
        path, message, more = endpoint.unary
        options.setdefault("more", more)
        reply = c.call(options.pop("path", path), options.pop("message", message), **options)
        if then_check:
            endpoint.check(c)
        return reply


@case
def call(endpoint):
    """a plain call is answered with headers, one message and trailers"""
    reply = expect(one_call(endpoint))
    assert reply.headers["content-type"].startswith("application/grpc"), reply.headers
    assert len(reply.messages()) == 1 and reply.trailers is not None, reply


@case
def content_types(endpoint):
    """content types of gRPC are accepted, others answered with HTTP 415"""
    for good in ("application/grpc+proto", "application/grpc;charset=utf-8"):
        expect(one_call(endpoint, content_type=good))
    for bad in ("application/json", "text/plain", "application/grpcx", ""):
        reply = one_call(endpoint, content_type=bad)
        assert reply.http == 415, reply
    assert one_call(endpoint, drop=("content-type",)).http == 415


@case
def methods(endpoint):
    """HTTP methods other than POST are answered with 405"""
    for method in ("GET", "PUT", "OPTIONS", "post"):
        reply = one_call(endpoint, p_method=method)
        assert reply.http == 405, (method, reply)


@case
def without_te(endpoint):
    """a call without te is served, as grpc-go does"""
    expect(one_call(endpoint, drop=("te",)))


@case
def odd_paths(endpoint):
    """paths that are not exactly a method's are UNIMPLEMENTED"""
    path = endpoint.unary[0]
    service, method = path[1:].split("/")
    for odd, text in [
        (path[1:], None), ("/" + path, None), (path + "/", None), (path + "?a=b", None), (path + "#x", None),
        ("/" + service, "malformed method name"), ("/", None), ("*", None), (path.upper(), None), ("/%2e" + path, None),
        (f"/{service}/Nope", f"unknown method Nope for service {service}"),
        (f"/{service}/{method.lower()}", f"unknown method {method.lower()} for service {service}"),
        ("/no.such.Service/" + method, "unknown service no.such.Service"),
        (f"/{service}//{method}", None), ("/" + "x" * 4000, None), (path + "\u00e9", None),
    ]:
        reply = one_call(endpoint, path=odd)
        expect(reply, grpc=UNIMPLEMENTED, text=text)


@case
def pseudo_headers(endpoint):
    """malformed pseudo-headers and forbidden fields end the stream, not the connection"""
    base = [(":method", "POST"), (":scheme", "http"), (":path", endpoint.unary[0]), (":authority", "localhost"),
            ("content-type", "application/grpc"), ("te", "trailers")]
    for name, fields in {
        "no path": [f for f in base if f[0] != ":path"],
        "no method": [f for f in base if f[0] != ":method"],
        "no scheme": [f for f in base if f[0] != ":scheme"],
        "path twice": base[:3] + [(":path", "/other")] + base[3:],
        "unknown pseudo": base[:3] + [(":other", "x")] + base[3:],
        "response pseudo": base[:3] + [(":status", "200")] + base[3:],
        "pseudo after field": base[4:] + base[:4],
        "upper case": base + [("X-Upper", "1")],
        "connection": base + [("connection", "close")],
        "transfer-encoding": base + [("transfer-encoding", "chunked")],
        "te gzip": base[:-1] + [("te", "gzip")],
    }.items():
        with endpoint.connect() as c:
            stream = c.new_stream()
            c.headers(stream, fields, end=False)
            try:
                reply = c.finish(stream)
                refused = reply.reset is not None or reply.http >= 400 or reply.grpc not in (None, OK)
                assert refused, (name, reply)
                endpoint.check(c)
            except Closed:
                assert c.goaway == PROTOCOL, (name, c.goaway)


@case
def binary_metadata(endpoint):
    """binary metadata is accepted with and without padding; text with odd characters too"""
    for value in (b"\x00\xff\x80", b"", b"x" * 1000):
        text = base64.b64encode(value).decode()
        for form in (text, text.rstrip("=")):
            expect(one_call(endpoint, more=endpoint.unary[2] + [("some-bin", form), ("other", "~ !")]))


@case
def bad_timeouts(endpoint):
    """a malformed grpc-timeout is refused or ignored, never fatal"""
    for value in ("", "1", "S", "-1S", "1x", "123456789S", "1 S", "99999999999999999999H", "0x1S", "1S1S"):
        reply = one_call(endpoint, grpc_timeout=value)
        assert reply.grpc in (OK, INTERNAL, INVALID, DEADLINE, UNKNOWN), (value, reply)
        assert reply.ended or reply.reset is not None
    for value in ("10S", "99999999H", "10000m", "5M", "20000000u"):
        expect(one_call(endpoint, grpc_timeout=value))


@case
def deadline(endpoint):
    """a stream ends with DEADLINE_EXCEEDED when its grpc-timeout is over"""
    with endpoint.connect() as c:
        path, message, more = endpoint.stream
        stream = c.begin(path, message, end=endpoint.streams_answer, more=more + [("grpc-timeout", "200m")])
        reply = c.finish(stream)
        assert reply.grpc == DEADLINE or reply.reset == 8, reply
        endpoint.check(c)
        # 0 is over at once
        assert one_call(endpoint, grpc_timeout="0n").grpc in (DEADLINE, OK, None)


# messages


@case
def bad_prefix(endpoint):
    """a message whose first byte is neither 0 nor 1 fails the call"""
    for flag in (2, 3, 128, 255):
        expect(one_call(endpoint, message=grpc_frame(b"", flag)), grpc=(INTERNAL, UNKNOWN, INVALID))


@case
def truncated(endpoint):
    """a message that ends before its length fails the call"""
    for bytes in (b"\x00", b"\x00\x00\x00", b"\x00\x00\x00\x00\x05ab"):
        expect(one_call(endpoint, message=bytes), grpc=(INTERNAL, UNKNOWN, INVALID))


@case
def two_messages(endpoint):
    """two messages in a unary call fail it"""
    expect(one_call(endpoint, message=endpoint.unary[1] * 2), grpc=(INTERNAL, UNKNOWN, UNIMPLEMENTED, INVALID))


@case
def no_message(endpoint):
    """no message in a unary call fails it"""
    expect(one_call(endpoint, message=b""), grpc=(INTERNAL, UNKNOWN, UNIMPLEMENTED, INVALID))
    expect(one_call(endpoint, message=None), grpc=(INTERNAL, UNKNOWN, UNIMPLEMENTED, INVALID))


@case
def not_protobuf(endpoint):
    """bytes that are not the message fail the call"""
    expect(one_call(endpoint, message=grpc_frame(b"\xff" * 20)), grpc=(INTERNAL, INVALID))


@case
def split_everywhere(endpoint):
    """a message may come in frames of one byte, with padding and empty frames between"""
    path, message, more = endpoint.unary
    with endpoint.connect() as c:
        stream = c.begin(path, None, end=False, more=more)
        for byte in message:
            c.raw(DATA, 0, stream)
            c.raw(DATA, 8, stream, b"\x03" + bytes([byte]) + b"\0\0\0")
        c.raw(DATA, 1, stream)
        expect(c.finish(stream))


@case
def compressed_without_encoding(endpoint):
    """a compressed message without grpc-encoding fails the call"""
    body = gzip.compress(endpoint.unary[1][5:])
    expect(one_call(endpoint, message=grpc_frame(body, 1)), grpc=(INTERNAL, UNIMPLEMENTED))
    expect(one_call(endpoint, message=grpc_frame(body, 1), grpc_encoding="identity"), grpc=(INTERNAL, UNIMPLEMENTED))


@case
def unknown_encoding(endpoint):
    """an unknown grpc-encoding is UNIMPLEMENTED, with those that are understood"""
    reply = expect(one_call(endpoint, message=grpc_frame(b"abc", 1), grpc_encoding="snappy"), grpc=UNIMPLEMENTED)
    known = {**(reply.headers or {}), **(reply.trailers or {})}.get("grpc-accept-encoding", "")
    assert "gzip" in known and "snappy" not in known, reply.headers


@case
def gzip_request_and_reply(endpoint):
    """gzip is understood, and used for a caller that accepts it"""
    path, message, more = endpoint.unary
    body = gzip.compress(message[5:])
    reply = expect(one_call(endpoint, message=grpc_frame(body, 1), grpc_encoding="gzip",
                            grpc_accept_encoding="gzip"))
    flag, answer = reply.messages()[0]
    if flag:
        assert reply.headers.get("grpc-encoding") == "gzip", reply.headers
        gzip.decompress(answer)
    # uncompressed messages in a call with an encoding are allowed
    expect(one_call(endpoint, grpc_encoding="gzip"))


@case
def gzip_damaged(endpoint):
    """a damaged or truncated gzip message fails the call"""
    body = gzip.compress(endpoint.unary[1][5:] + b"\0" * 100)
    for bad in (body[:-5], b"\x1f\x8b" + b"\0" * 30, body[:4], b"", body + b"more"):
        reply = one_call(endpoint, message=grpc_frame(bad, 1), grpc_encoding="gzip")
        assert reply.http == 200 and reply.grpc not in (OK, None), (bad, reply)


@case
def gzip_bomb(endpoint):
    """a small gzip message that becomes large is RESOURCE_EXHAUSTED"""
    bomb = gzip.compress(b"\0" * (64 << 20), 9)
    assert len(bomb) < 1 << 20
    expect(one_call(endpoint, message=grpc_frame(bomb, 1), grpc_encoding="gzip"), grpc=EXHAUSTED)


def padded(size):
    """A message of this size that any method reads: one unknown field."""
    head = b"\xfa\x3e"  # field 1007, bytes
    length = size - len(head) - 4
    varint = bytes([length & 127 | 128, length >> 7 & 127 | 128, length >> 14 & 127 | 128, length >> 21])
    return head + varint + b"\0" * length


@case
def four_mebibytes(endpoint):
    """a message of 4 MiB is read; one byte more is RESOURCE_EXHAUSTED, and the connection goes on"""
    path, message, more = endpoint.unary
    own = message[5:]
    with endpoint.connect() as c:
        expect(c.call(path, grpc_frame(own + padded((4 << 20) - len(own))), more=more))
        reply = c.call(path, grpc_frame(own + padded((4 << 20) + 1 - len(own))), more=more)
        expect(reply, grpc=EXHAUSTED, text="received message larger than max (4194305 vs. 4194304)")
        endpoint.check(c)
        # the length alone is enough
        stream = c.begin(path, b"\x00\xff\xff\xff\xff", end=False, more=more)
        expect(c.finish(stream), grpc=EXHAUSTED)
        endpoint.check(c)


# streams


@case
def cancelled(endpoint):
    """a cancelled stream ends, and its connection goes on"""
    with endpoint.connect() as c:
        for _ in range(20):
            stream = endpoint.open_stream(c)
            c.reset(stream)
            endpoint.check(c)


@case
def half_closed(endpoint):
    """a stream whose client has ended its half is still answered; one that has not is ended by the status"""
    with endpoint.connect() as c:
        path, message, more = endpoint.unary
        stream = c.begin(path, message, end=False, more=more)
        other = c.begin(path, message, end=True, more=more)
        expect(c.finish(other))
        c.raw(DATA, 1, stream)
        expect(c.finish(stream))
        # nobody waits for the end of a call that was refused
        stream = c.begin("/no.such.Service/Method", b"\0", end=False)
        expect(c.finish(stream), grpc=UNIMPLEMENTED)
        endpoint.check(c)


@case
def trailers_from_the_client(endpoint):
    """trailers of a client end its half"""
    with endpoint.connect() as c:
        path, message, more = endpoint.unary
        stream = c.begin(path, message, end=False, more=more)
        c.headers(stream, [("some-trailer", "x")], end=True)
        reply = c.finish(stream)
        assert reply.grpc == OK or reply.reset is not None, reply
        endpoint.check(c)


@case
def content_length(endpoint):
    """a content-length that is not the body's length is a stream error"""
    for length in ("3", "1000", "-1", "x"):
        with endpoint.connect() as c:
            path, message, more = endpoint.unary
            try:
                reply = c.call(path, message, more=more + [("content-length", length)])
                assert reply.reset is not None or reply.grpc != OK, (length, reply)
                endpoint.check(c)
            except Closed:
                assert c.goaway == PROTOCOL, c.goaway


@case
def concurrent_limit(endpoint):
    """streams above the announced limit are refused, the others live"""
    with endpoint.connect() as c:
        limit = c.settings[SettingsFrame.MAX_CONCURRENT_STREAMS]
        assert 100 <= limit <= 1000, limit
        streams = [endpoint.open_stream(c) for _ in range(limit)]
        extra = endpoint.open_stream(c)
        c.until(lambda: c.streams[extra].done, "refusal")
        assert c.streams[extra].reset == REFUSED, c.streams[extra]
        for stream in streams[:limit // 2]:
            c.reset(stream)
        endpoint.check(c)
        assert c.goaway is None, c.goaway


@case
def flow_control(endpoint):
    """nothing is sent beyond the client's window; it is sent when the window opens"""
    path, message, more = endpoint.unary
    with endpoint.connect(settings={SettingsFrame.INITIAL_WINDOW_SIZE: 0}) as c:
        c.grant = False
        stream = c.begin(path, message, more=more)
        c.ping()
        c.until(lambda: c.acks == 1 and c.streams[stream].headers is not None, "headers and a ping")
        assert c.streams[stream].data == b"" and not c.streams[stream].done
        c.frame(WindowUpdateFrame(stream, 3))
        c.until(lambda: len(c.streams[stream].data) == 3, "three bytes")
        # the window of streams that are open changes with the setting, RFC 9113 section 6.9.2
        c.frame(SettingsFrame(0, settings={SettingsFrame.INITIAL_WINDOW_SIZE: 1 << 20}))
        c.grant = True
        expect(c.finish(stream))
