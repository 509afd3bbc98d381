"""Clients that were not written here: grpcio with bandwidth probes and keepalive, PyPI's h2, h2load, nghttp, openssl; and
many pings and cancelled calls over one connection. The server's TCP port gets them without and with a client certificate."""
import os
import re
import select
import socket
import ssl
import subprocess
import tempfile
import threading
import time

import grpc
import h2.config
import h2.connection
import h2.events
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from google.protobuf import descriptor_pool
from hyperframe.frame import PingFrame
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key
from cryptography.x509 import load_der_x509_certificate
from http2 import tls
from subjects import COUNT, HEADER, Endpoint, Runner, endpoints, eventually, give_up_after, selected
from wire import Wire

CASES = []


def case(function):
    CASES.append(function)
    return function


def channel(endpoint, options=()):
    if endpoint.name.startswith("server TCP"):
        path = Bridge(endpoint).path
    else:
        path = os.environ["SERVER_SOCKET"] if endpoint.name == "server admin" else endpoint.socket().getpeername()
    return grpc.insecure_channel("unix://" + path, options=[("grpc.use_local_subchannel_pool", 1), *options])


class Bridge:
    """A socket on which grpcio reaches an endpoint over TLS: its own TLS wants a DNS name in the server's certificate.
    (GRPCIOOverTLSTests has that, and grpcio's TLS.)"""

    def __init__(self, endpoint):
        self.folder, self.endpoint = tempfile.TemporaryDirectory(), endpoint
        self.path = self.folder.name + "/tls.sock"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near = self.listener.accept()[0]
            threading.Thread(target=self.carry, args=(near, self.endpoint.socket()), daemon=True).start()

    @staticmethod
    def carry(near, far):
        near.setblocking(False)
        far.setblocking(False)
        waiting = {near: b"", far: b""}  # what each has yet to take
        with near, far:
            while True:
                for source, target in ((near, far), (far, near)):
                    if len(waiting[target]) < 1 << 20:
                        try:
                            while data := source.recv(1 << 16):
                                waiting[target] += data
                                if len(waiting[target]) >= 1 << 20:
                                    break
                            else:
                                return
                        except (BlockingIOError, ssl.SSLWantReadError):
                            pass
                        except OSError:
                            return
                    try:
                        while waiting[target]:
                            waiting[target] = waiting[target][target.send(waiting[target]):]
                    except (BlockingIOError, ssl.SSLWantWriteError):
                        pass
                    except OSError:
                        return
                select.select([near, far], [s for s in waiting if waiting[s]], [], 1)


def own_svid():
    """The certificate and key of this process, from the Workload API, in one file."""
    wire = Wire("workload-api")
    with grpc.insecure_channel(os.environ["SPIFFE_ENDPOINT_SOCKET"]) as ch:
        fetch = ch.unary_stream("/SpiffeWorkloadAPI/FetchX509SVID", request_serializer=bytes,
                                response_deserializer=wire.cls("X509SVIDResponse").FromString)
        svid = next(iter(fetch(b"", metadata=HEADER, timeout=20))).svids[0]
    file = tempfile.NamedTemporaryFile(suffix=".pem")
    file.write(load_der_x509_certificate(svid.x509_svid).public_bytes(Encoding.PEM))
    key = load_der_private_key(svid.x509_svid_key, None)
    file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    file.flush()
    return file


def bytes_call(channel, path):
    return channel.unary_unary(path, request_serializer=bytes, response_deserializer=bytes)


@case
def grpcio_keepalive(endpoint):
    """grpcio with bandwidth probes and a keepalive ping every 10 ms lives through calls and pauses"""
    with_options = [("grpc.keepalive_time_ms", 10), ("grpc.keepalive_timeout_ms", 5000), ("grpc.http2.bdp_probe", 1),
                    ("grpc.keepalive_permit_without_calls", 1), ("grpc.http2.max_pings_without_data", 0),
                    ("grpc.http2.min_ping_interval_without_data_ms", 5), ("grpc.enable_retries", 0)]
    ch = channel(endpoint, with_options)
    path, message, more = endpoint.unary
    states = []
    ch.subscribe(states.append)
    call = bytes_call(ch, path)
    for _ in range(int(1000 * COUNT)):
        call(message[5:], metadata=more, timeout=20)
    end = time.monotonic() + 3
    while time.monotonic() < end:
        call(message[5:], metadata=more, timeout=20)
        time.sleep(0.1)
    assert grpc.ChannelConnectivity.TRANSIENT_FAILURE not in states, states
    assert states.count(grpc.ChannelConnectivity.READY) == 1, states
    ch.close()


@case
def grpcio_large(endpoint):
    """grpcio sends messages of many sizes, with and without gzip"""
    ch = channel(endpoint)
    path, message, more = endpoint.unary
    for compression in (grpc.Compression.NoCompression, grpc.Compression.Gzip):
        for size in (0, 1, 16384, 65536, 1 << 20, (4 << 20) - 1000):
            unknown = b"\xfa\x3e" + bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14 & 127 | 128, size >> 21])
            bytes_call(ch, path)(message[5:] + unknown + b"\0" * size, metadata=more, timeout=20, compression=compression)
    try:
        bytes_call(ch, path)(b"\xfa\x3e\x80\x80\x80\x04" + b"\0" * (8 << 20), metadata=more, timeout=20)
        raise AssertionError("8 MiB were accepted")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, error
    bytes_call(ch, path)(message[5:], metadata=more, timeout=20)
    ch.close()


@case
def grpcio_threads(endpoint):
    """grpcio calls from eight threads at once; cancels and short deadlines between"""
    ch = channel(endpoint)
    path, message, more = endpoint.unary
    failures = []

    def work():
        call = bytes_call(ch, path)
        for n in range(int(100 * COUNT)):
            try:
                if n % 10 == 3:
                    call.future(message[5:], metadata=more).cancel()
                elif n % 10 == 7:
                    call(message[5:], metadata=more, timeout=0.0001)
                else:
                    call(message[5:], metadata=more, timeout=20)
            except grpc.RpcError as error:
                if not (n % 10 == 7 and error.code() == grpc.StatusCode.DEADLINE_EXCEEDED):
                    failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert not failures, failures[:3]
    ch.close()


@case
def reflection(endpoint):
    """the reflection client of grpcio finds every service, its messages, and calls it"""
    if endpoint.name.startswith("server TCP"):
        return "skip"
    ch = channel(endpoint)
    database = ProtoReflectionDescriptorDatabase(ch)
    services = set(database.get_services())
    if endpoint.name == "agent":
        expected = {"SpiffeWorkloadAPI", "grpc.health.v1.Health"}
    else:
        expected = {"grpc.health.v1.Health", "spire.api.server.entry.v1.Entry", "spire.api.server.svid.v1.SVID",
                    "spire.api.server.agent.v1.Agent", "spire.api.server.bundle.v1.Bundle",
                    "spire.api.server.trustdomain.v1.TrustDomain", "spire.api.server.localauthority.v1.LocalAuthority",
                    "spire.api.server.logger.v1.Logger", "spire.api.server.debug.v1.Debug"}
    assert services >= expected, services
    assert {"grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"} <= services
    pool = descriptor_pool.DescriptorPool(database)
    for name in services:
        service = pool.FindServiceByName(name)
        assert all(m.input_type.full_name and m.output_type.full_name for m in service.methods)
    check = pool.FindServiceByName("grpc.health.v1.Health").FindMethodByName("Check")
    from google.protobuf import message_factory
    answer = message_factory.GetMessageClass(check.output_type).FromString(
        bytes_call(ch, "/grpc.health.v1.Health/Check")(b"", timeout=20))
    assert answer.status == 1, answer
    ch.close()


@case
def pings(endpoint):
    """10,000 pings over one connection, with calls between as a Go client makes them"""
    with endpoint.connect() as c:
        total = int(10000 * COUNT)
        for sent in range(0, total, 20):
            c.send(PingFrame(0, b"12345678").serialize() * 20)
            c.until(lambda: c.acks >= sent + 20, "answers to pings")
            if sent % 200 == 0:
                endpoint.check(c)
        assert c.goaway is None


@case
def cancellations(endpoint):
    """10,000 cancelled calls over one connection"""
    with endpoint.connect() as c:
        total = int(10000 * COUNT)
        for n in range(0, total, 10):
            batch = [endpoint.open_stream(c) for _ in range(10)]
            if endpoint.streams_answer and n % 100 == 0:
                c.until(lambda: all(c.streams[s].headers or c.streams[s].done for s in batch), "answers")
            for stream in batch:
                c.reset(stream)
            if n % 100 == 0:
                endpoint.check(c)
            for stream in batch:
                c.streams.pop(stream)
        endpoint.check(c)
        assert c.goaway is None


@case
def h2_library(endpoint):
    """PyPI's h2, which checks every frame it gets, makes calls one after the other and at once"""
    sock = endpoint.socket()
    conn = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
    conn.initiate_connection()
    path, message, more = endpoint.unary
    done = {}

    def turn():
        sock.sendall(conn.data_to_send())
        data = sock.recv(65536)
        assert data, "closed"
        for event in conn.receive_data(data):
            if isinstance(event, h2.events.DataReceived):
                conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.TrailersReceived):
                done[event.stream_id] = dict(event.headers)["grpc-status"]
            elif isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)):
                raise AssertionError(event)

    for batch in (1, 1, 1, 50, 50):
        started = []
        for _ in range(batch):
            stream = conn.get_next_available_stream_id()
            conn.send_headers(stream, [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "x"),
                                       ("content-type", "application/grpc"), ("te", "trailers")] + more)
            conn.send_data(stream, message, end_stream=True)
            started.append(stream)
        end = time.monotonic() + 20
        while any(s not in done for s in started):
            assert time.monotonic() < end, "no answer"
            turn()
    assert set(done.values()) == {"0"}, done
    conn.close_connection()
    sock.sendall(conn.data_to_send())
    sock.close()


def run(*arguments):
    return subprocess.run(arguments, capture_output=True, text=True, errors="replace", timeout=60)


@case
def h2load(endpoint):
    """h2load: every request succeeds over several connections with several streams"""
    if endpoint.name == CERTIFIED:
        return "skip"
    path, message, more = endpoint.unary
    with tempfile.NamedTemporaryFile() as body:
        body.write(message)
        body.flush()
        target = (["https://127.0.0.1:" + os.environ["SERVER_PORT"] + path] if endpoint.name == "server TCP" else
                  ["-B", "unix:" + endpoint.socket().getpeername(), "-p", "h2c", "http://localhost" + path])
        headers = [x for name, value in [("content-type", "application/grpc"), ("te", "trailers"), *more]
                   for x in ("-H", f"{name}: {value}")]
        total = int(1000 * COUNT)
        result = run("h2load", "-n", str(total), "-c", "10", "-m", "10", "-d", body.name, *headers, *target)
        assert f"{total} done, {total} succeeded, 0 failed, 0 errored" in result.stdout, result.stdout + result.stderr
        assert f"{total} 2xx" in result.stdout, result.stdout


@case
def nghttp(endpoint):
    """nghttp makes a call over TLS"""
    if endpoint.name != "server TCP":
        return "skip"
    path, message, more = endpoint.unary
    with tempfile.NamedTemporaryFile() as body:
        body.write(message)
        body.flush()
        result = run("nghttp", "-v", "--no-push", "-d", body.name, "-H", ":method: POST", "-H", "te: trailers", "-H",
                     "content-type: application/grpc", "https://127.0.0.1:" + os.environ["SERVER_PORT"] + path)
        text = re.sub(r"\x1b\[[0-9;]*m", "", result.stdout)
        assert ":status: 200" in text and "grpc-status: 0" in text, text + result.stderr


@case
def no_session_resumption(endpoint):
    """openssl that comes back with a session gets a full handshake"""
    if endpoint.name != "server TCP":
        return "skip"
    target = "127.0.0.1:" + os.environ["SERVER_PORT"]
    for version in ("-tls1_3", "-tls1_2"):
        with tempfile.TemporaryDirectory() as folder:
            session = folder + "/session"
            for n, more in enumerate((["-sess_out", session], ["-sess_in", session])):
                if n and not os.path.exists(session):
                    break  # no session was given: nothing to come back with
                p = subprocess.Popen(["openssl", "s_client", "-connect", target, "-alpn", "h2", version, *more],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                out = b""
                os.set_blocking(p.stdout.fileno(), False)
                p.stdin.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 3 + b"\4" + b"\0" * 5)
                p.stdin.flush()

                def handshake_is_over():
                    nonlocal out
                    out += p.stdout.read() or b""
                    return b"Verify return code" in out
                eventually("a handshake: " + out.decode(errors="replace"), handshake_is_over)
                p.stdin.close()
                p.terminate()
                p.wait(20)
                assert b"New, TLSv1" in out and b"Reused" not in out, out.decode(errors="replace")


no_session_resumption.connections = 4

CERTIFIED = "server TCP with an SVID"

if __name__ == "__main__":
    runner = Runner()
    give_up_after(560)
    everything, svid = endpoints(), own_svid()
    port, bundle = int(os.environ["SERVER_PORT"]), os.environ["BUNDLE"]
    everything.append(Endpoint(CERTIFIED, everything[0].process, lambda: tls(port, bundle, svid=svid.name),
                               everything[0].unary, everything[0].stream, False))
    for endpoint in everything:
        for function in selected(CASES):
            runner.run(endpoint, function)
    runner.end()
