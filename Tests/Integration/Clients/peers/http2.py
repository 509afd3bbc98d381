"""An HTTP/2 client that may break any rule: frames from hyperframe, header compression from hpack, the rest by hand."""
import select
import socket
import ssl
import struct
import time

from hpack import Decoder, Encoder
from hyperframe.frame import (
    ContinuationFrame, DataFrame, Frame, GoAwayFrame, HeadersFrame, PingFrame, RstStreamFrame, SettingsFrame,
    WindowUpdateFrame)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
NO_ERROR, PROTOCOL, INTERNAL, FLOW_CONTROL, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE, REFUSED, CANCEL, COMPRESSION = range(10)
CALM = 11
PATIENCE = 20.0


class Closed(Exception):
    """The peer closed the connection."""


class Stream:
    """What came back on one stream."""

    def __init__(self):
        self.headers, self.trailers, self.data = None, None, b""
        self.ended, self.reset = False, None

    @property
    def done(self):
        return self.ended or self.reset is not None

    def _both(self):
        return {**(self.headers or {}), **(self.trailers or {})}

    @property
    def http(self):
        return int((self.headers or {}).get(":status", 0))

    @property
    def grpc(self):
        value = self._both().get("grpc-status")
        return None if value is None else int(value)

    @property
    def message(self):
        return self._both().get("grpc-message", "")

    def messages(self):
        rest, found = self.data, []
        while len(rest) >= 5:
            size = struct.unpack(">I", rest[1:5])[0]
            if len(rest) < 5 + size:
                break
            found.append((rest[0], rest[5:5 + size]))
            rest = rest[5 + size:]
        return found

    def __repr__(self):
        return (f"http={self.http} grpc={self.grpc} message={self.message!r} bytes={len(self.data)} "
                f"ended={self.ended} reset={self.reset}")


def grpc_frame(message, flag=0):
    return bytes([flag]) + struct.pack(">I", len(message)) + message


def unix(path):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)  # waits for a place in the queue, which a socket with a timeout does not
    s.settimeout(PATIENCE)
    return s


def tcp(port):
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


def tls(port, bundle, alpn=("h2",), svid=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # SPIFFE: the name is a URI
    context.load_verify_locations(bundle)
    if svid:
        context.load_cert_chain(svid)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context.wrap_socket(tcp(port))


class Connection:
    """One connection. `read` answers settings and pings and grants windows, as long as the flags say so."""

    def __init__(self, sock, preface=PREFACE, settings=None):
        self.sock = sock
        self.encoder, self.decoder = Encoder(), Decoder()
        self.streams, self.acks, self.settings_acks = {}, 0, 0
        self.goaway, self.eof = None, False
        self.settings, self.window, self.windows = None, 65535, {}
        self.grant = True
        self.next_id = 1
        self.buffer = b""
        self._header = None
        if preface is not None:
            self.send(preface + SettingsFrame(settings=settings or {}).serialize())

    # out

    def send(self, data):
        """Sends all; what the peer no longer takes because it closed is dropped, and seen by `read`."""
        view = memoryview(data)
        end = time.monotonic() + PATIENCE
        while view:
            try:
                self.sock.settimeout(0.2)
                view = view[self.sock.send(view):]
            except (TimeoutError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                if time.monotonic() > end:
                    raise TimeoutError("the peer takes no more bytes")
                self._receive(0)
            except (BrokenPipeError, ConnectionError, ssl.SSLError):
                self.drain_after_close()
                raise Closed()

    def frame(self, frame):
        self.send(frame.serialize())

    def raw(self, type, flags, stream, payload=b""):
        self.send(raw(type, flags, stream, payload))

    def headers(self, stream, fields, end=False):
        flags = ["END_HEADERS"] + (["END_STREAM"] if end else [])
        self.streams.setdefault(stream, Stream())
        self.frame(HeadersFrame(stream, self.encoder.encode(fields), flags=flags))

    def data(self, stream, payload, end=False):
        """Respects the flow control windows of the peer."""
        rest = memoryview(payload)
        while True:
            size = min(len(rest), 16384, self.window, self.stream_window(stream))
            if size == 0 and len(rest):
                if self.streams[stream].done:
                    return
                self.pump()
                continue
            last = size == len(rest)
            frame = DataFrame(stream, bytes(rest[:size]), flags=["END_STREAM"] if end and last else [])
            self.window -= size
            self.windows[stream] = self.stream_window(stream) - size
            self.frame(frame)
            rest = rest[size:]
            if last:
                return

    def stream_window(self, stream):
        return self.windows.setdefault(stream, (self.settings or {}).get(SettingsFrame.INITIAL_WINDOW_SIZE, 65535))

    def ping(self, data=b"12345678"):
        self.frame(PingFrame(0, data))

    def reset(self, stream, code=CANCEL):
        self.frame(RstStreamFrame(stream, code))

    def new_stream(self):
        stream, self.next_id = self.next_id, self.next_id + 2
        return stream

    def begin(self, path, message=None, end=True, more=(), drop=(), **changed):
        """Starts a gRPC call. `changed` replaces header fields (with - for _ and a colon for p_), `drop` leaves some out."""
        fields = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "localhost",
                  "content-type": "application/grpc", "te": "trailers"}
        fields.update({k.replace("p_", ":").replace("_", "-"): v for k, v in changed.items()})
        stream = self.new_stream()
        self.headers(stream, [(k, v) for k, v in fields.items() if k not in drop] + list(more), end=end and message is None)
        if message is not None:
            self.data(stream, message, end=end)
        return stream

    def call(self, path, message=None, **options):
        """A whole call: what came back when the stream is over."""
        stream = self.begin(path, message, **options)
        return self.finish(stream)

    def finish(self, stream, patience=PATIENCE):
        self.until(lambda: self.streams[stream].done, f"the end of stream {stream}", patience)
        return self.streams[stream]

    # in

    def until(self, condition, what, patience=PATIENCE):
        end = time.monotonic() + patience
        while not condition():
            if self.eof:
                raise Closed(f"closed while waiting for {what}; GOAWAY {self.goaway}")
            if time.monotonic() > end:
                raise TimeoutError(f"no {what} in {patience} s: {self.streams}")
            self.pump(0.2)

    def until_closed(self, patience=PATIENCE):
        """Waits for the end of the connection. Returns the code of the GOAWAY or None."""
        end = time.monotonic() + patience
        while not self.eof:
            if time.monotonic() > end:
                raise TimeoutError(f"still open after {patience} s; GOAWAY {self.goaway}")
            self.pump(0.2)
        return self.goaway

    def drain_after_close(self):
        try:
            while not self.eof:
                self.pump(0.5)
        except (OSError, TimeoutError):
            pass
        self.eof = True

    def pump(self, wait=0.2):
        self._receive(wait)
        while len(self.buffer) >= 9:
            frame, size = Frame.parse_frame_header(memoryview(self.buffer[:9]))
            if len(self.buffer) < 9 + size:
                return
            frame.parse_body(memoryview(self.buffer[9:9 + size]))
            self.buffer = self.buffer[9 + size:]
            self._handle(frame)

    def _receive(self, wait):
        try:
            pending = isinstance(self.sock, ssl.SSLSocket) and self.sock.pending()
            if not pending and not select.select([self.sock], [], [], wait)[0]:
                return
            self.sock.settimeout(wait or 0.01)
            data = self.sock.recv(1 << 18)
            if not data:
                self.eof = True
            self.buffer += data
        except (TimeoutError, ssl.SSLWantReadError):
            return
        except OSError:
            self.eof = True

    def _handle(self, frame):
        stream = self.streams.get(frame.stream_id)
        if isinstance(frame, SettingsFrame):
            if "ACK" in frame.flags:
                self.settings_acks += 1
            else:
                self.settings = dict(frame.settings)
                self._quietly(SettingsFrame(0, flags=["ACK"]))
        elif isinstance(frame, PingFrame):
            if "ACK" in frame.flags:
                self.acks += 1
            else:
                self._quietly(PingFrame(0, frame.opaque_data, flags=["ACK"]))
        elif isinstance(frame, GoAwayFrame):
            self.goaway = frame.error_code
            self.goaway_text = frame.additional_data
        elif isinstance(frame, WindowUpdateFrame):
            if frame.stream_id == 0:
                self.window += frame.window_increment
            elif stream:
                self.windows[frame.stream_id] = self.stream_window(frame.stream_id) + frame.window_increment
        elif isinstance(frame, RstStreamFrame) and stream:
            stream.reset = frame.error_code
        elif isinstance(frame, (HeadersFrame, ContinuationFrame)):
            self._header = (self._header or b"") + frame.data
            self._ends = "END_STREAM" in frame.flags or getattr(self, "_ends", False)
            if "END_HEADERS" in frame.flags:
                fields = dict(self.decoder.decode(self._header))
                ends, self._header, self._ends = self._ends, None, False
                if stream:
                    if stream.headers is None:
                        stream.headers = fields
                    else:
                        stream.trailers = fields
                    stream.ended = stream.ended or ends
        elif isinstance(frame, DataFrame):
            if stream:
                stream.data += frame.data
                stream.ended = stream.ended or "END_STREAM" in frame.flags
            if self.grant and frame.flow_controlled_length:
                self._quietly(WindowUpdateFrame(0, frame.flow_controlled_length))
                if stream and not stream.ended:
                    self._quietly(WindowUpdateFrame(frame.stream_id, frame.flow_controlled_length))

    def _quietly(self, frame):
        try:
            self.sock.settimeout(PATIENCE)
            self.sock.sendall(frame.serialize())
        except OSError:
            pass

    def close(self):
        try:
            self.sock.close()
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def raw(type, flags, stream, payload=b""):
    """A frame that no library would write."""
    return struct.pack(">I", len(payload))[1:] + bytes([type, flags]) + struct.pack(">I", stream) + payload
