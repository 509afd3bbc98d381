"""What callers without any right cost a server per attempt, what they can make it keep, and how an honest agent fares
meanwhile. They speak from addresses of 127.0.0.0/8; frames are written by hand, as attackers do."""
import base64
import datetime
import json
import multiprocessing
import socket
import ssl
import struct
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.hazmat.primitives.serialization.ssh import SSHCertificateBuilder, SSHCertificateType
from cryptography.x509.oid import NameOID

from deployment import API, W, Deployment, anonymous, cpu, median, settle

ATTEST, BUNDLE = f"/{API}agent.v1.Agent/AttestAgent", f"/{API}bundle.v1.Bundle/GetBundle"


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0)


def literal(name, value):
    """A header field that is not indexed."""
    def text(t):
        t = t.encode()
        assert len(t) < 127
        return bytes([len(t)]) + t
    return b"\x00" + text(name) + text(value)


def headers(path):
    return b"".join(literal(*field) for field in (
        (":method", "POST"), (":scheme", "https"), (":path", path), (":authority", "x"),
        ("content-type", "application/grpc"), ("te", "trailers")))


CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CONTEXT.check_hostname = False
CONTEXT.verify_mode = ssl.CERT_NONE
CONTEXT.set_alpn_protocols(["h2"])


def connect(port, source="127.0.0.1"):
    s = socket.socket()
    s.settimeout(60)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.bind((source, 0))
    s.connect(("127.0.0.1", port))
    return s


class Stranger:
    """A TLS connection without a certificate."""

    def __init__(self, port, source="127.0.0.1"):
        self.stream, self.left = -1, b""
        self.socket = CONTEXT.wrap_socket(connect(port, source))
        self.socket.sendall(PREFACE + frame(8, 0, 0, struct.pack(">I", 1 << 30)))

    def begin(self, path, message, ends=True):
        """Opens a call and sends its first message, as far as the window goes."""
        self.stream += 2
        body = b"\0" + struct.pack(">I", len(message)) + message
        out = frame(1, 4, self.stream, headers(path))
        window = 65_535
        while body and window:
            part, body = body[:min(16_384, window)], body[min(16_384, window):]
            window -= len(part)
            out += frame(0, 1 if ends and not body else 0, self.stream, part)
        self.socket.sendall(out)
        self.rest = body
        return self.stream

    def answer(self, message):
        """Sends another message, the last one."""
        self.socket.sendall(frame(0, 1, self.stream, b"\0" + struct.pack(">I", len(message)) + message))

    def finish(self, first=False):
        """Reads until the call ends, or until its first message. Returns its bytes; None if the connection ended before."""
        data = b""
        while True:
            while len(self.left) < 9 or len(self.left) < 9 + int.from_bytes(self.left[:3], "big"):
                try:
                    got = self.socket.recv(65_536)
                except OSError:
                    return None
                if not got:
                    return None
                self.left += got
            size = int.from_bytes(self.left[:3], "big")
            kind, flags, stream = self.left[3], self.left[4], int.from_bytes(self.left[5:9], "big")
            payload, self.left = self.left[9:9 + size], self.left[9 + size:]
            if kind == 4 and not flags & 1:
                self.socket.sendall(frame(4, 1, 0))
            elif kind == 6 and not flags & 1:
                self.socket.sendall(frame(6, 1, 0, payload))
            elif kind == 7:
                return None
            elif kind == 8 and stream == self.stream and self.rest:
                part = self.rest[:int.from_bytes(payload, "big")]
                self.rest = self.rest[len(part):]
                self.socket.sendall(b"".join(frame(0, 0, stream, part[at:at + 16_384]) for at in range(0, len(part), 16_384)))
            elif stream == self.stream:
                if kind == 0:
                    data += payload
                whole = len(data) >= 5 and len(data) >= 5 + int.from_bytes(data[1:5], "big")
                if kind in (0, 1, 3) and (kind == 3 or flags & 1 or first and whole):
                    return data

    def close(self):
        self.socket.close()


# What is sent


def csr():
    key = ec.generate_private_key(ec.SECP256R1())
    return (x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
            .public_bytes(Encoding.DER))


def attestation(kind, payload):
    return W.msg(API + "agent.v1.AttestAgentRequest", params=W.msg(
        API + "agent.v1.AttestAgentRequest.Params", data=W.msg("spire.api.types.AttestationData", type=kind, payload=payload),
        params=W.msg(API + "agent.v1.AgentX509SVIDParams", csr=csr()))).SerializeToString()


def certificate(subject, key, issuer, issuer_key, ca=True):
    def name(text):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
    now = datetime.datetime.now(datetime.timezone.utc)
    return (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=9))
            .add_extension(x509.BasicConstraints(ca, None), True)
            .add_extension(x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False), True)
            .sign(issuer_key, hashes.SHA256()))


def chains(count=4):
    """Intermediates of one name on the most expensive curve that sign each other: many ways, none of which ends. As many
    as a server takes that is not told otherwise."""
    keys = [ec.generate_private_key(ec.SECP521R1()) for _ in range(count)]
    leaf = certificate("node", ec.generate_private_key(ec.SECP256R1()), "same", keys[0], ca=False)
    web = [certificate("same", keys[(i + 1) % count], "same", keys[i]) for i in range(count)]
    return json.dumps({"certificates": [base64.b64encode(c.public_bytes(Encoding.DER)).decode() for c in (leaf, *web)]}).encode()


def ssh_stranger():
    key = ec.generate_private_key(ec.SECP521R1())
    made = (SSHCertificateBuilder().public_key(key.public_key()).serial(1).type(SSHCertificateType.HOST).key_id(b"x")
            .valid_principals([b"x.example.org"]).valid_after(0).valid_before(2**64 - 1).sign(key))
    blob = made.public_bytes().split(b" ")[1]
    return json.dumps({"Certificate": blob.decode()}).encode()


# What is measured


class Server:
    """A server with x509pop, sshpop and a bundle endpoint, and a node with a certificate."""

    def __init__(self, limited):
        self.d = d = Deployment()
        root = ec.generate_private_key(ec.SECP256R1())
        d.file("root.pem", certificate("root", root, "root", root).public_bytes(Encoding.PEM))
        ssh = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.page = s.getsockname()[1]
        path = d.dir / "server.conf"
        text = path.read_text().replace('attestation = false', f'attestation = {str(limited).lower()}')
        text = text.replace('NodeAttestor "join_token" { plugin_data {} }', f'''NodeAttestor "join_token" {{ plugin_data {{}} }}
  NodeAttestor "x509pop" {{ plugin_data {{ ca_bundle_path = "{d.dir}/root.pem" }} }}
  NodeAttestor "sshpop" {{ plugin_data {{ cert_authorities = ["{ssh.decode()}"] }} }}''')
        endpoint = f'bundle_endpoint {{ address = "127.0.0.1" port = {self.page} profile "https_spiffe" {{}} }}'
        text = text.replace("ratelimit {", f'''federation {{ {endpoint} }}
  ratelimit {{''').replace('log_level = "WARN"', 'log_level = "ERROR"')
        path.write_text(text)
        d.start("spire-server")
        self.key = ec.generate_private_key(ec.SECP256R1())
        node = certificate("node", self.key, "root", root, ca=False).public_bytes(Encoding.DER)
        self.node = attestation("x509pop", json.dumps({"certificates": [base64.b64encode(node).decode()]}).encode())
        self.chains = attestation("x509pop", chains())
        self.ssh = attestation("sshpop", ssh_stranger())
        self.large = attestation("x509pop", b"[" * (4 * 1024 * 1024 - 2000))
        settle(d.server.pid)

    def each(self, count, body):
        """µs of the server's processor time for one of `count` attempts."""
        body(0)
        settle(self.d.server.pid, 5)
        before = cpu(self.d.server.pid)
        for i in range(count):
            body(i)
        settle(self.d.server.pid, 5)
        return (cpu(self.d.server.pid) - before) * 1e6 / count

    def call(self, path, message, source="127.0.0.1", ends=False):
        caller = Stranger(self.d.port, source)
        try:
            caller.begin(path, message, ends)
            return caller.finish()
        except OSError:
            return None
        finally:
            caller.close()


def hello(port, source="127.0.0.1"):
    """A ClientHello, and nothing more."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = CONTEXT.wrap_bio(incoming, outgoing)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    s = connect(port, source)
    s.sendall(outgoing.read())
    return s


def until_refused(caller, piece, most):
    """Sends until the server says that it has had enough. It reads on for a moment then, which is not waited for."""
    try:
        for _ in range(most):
            caller.socket.sendall(piece)
        caller.finish()
    except OSError:
        pass
    caller.close()


def endless_headers(server):
    caller = Stranger(server.d.port)
    until_refused(caller, frame(1, 0, 1, headers(ATTEST)) + b"".join(frame(9, 0, 1, b"a" * 1000) for _ in range(100)), 1)


def pings(server):
    until_refused(Stranger(server.d.port), frame(6, 0, 0, b"12345678") * 500, 42)


def page(port):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(connect(port)) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        while s.recv(65_536):
            pass


def costs(results, quick, sign):
    """One attempt of each kind, in processor time; connections also in memory."""
    server = Server(limited=False)
    d, many = server.d, (20 if quick else 300)
    floor = {"cpu_us": sign}
    try:
        count = 200 if quick else 2_000
        for key, opened in (("stranger_connection", connect), ("stranger_hello_held", hello)):
            before, used = anonymous(d.server.pid), cpu(d.server.pid)
            # Of as many addresses as it takes: one may not hold so many.
            held = [opened(d.port, f"127.5.{i // 200}.1") for i in range(count)]
            settle(d.server.pid, 3)
            results.add(key, floor, cpu_us=(cpu(d.server.pid) - used) * 1e6 / count,
                        kb=(anonymous(d.server.pid) - before) * 1024 / count)
            for s in held:
                s.close()
            settle(d.server.pid)
        bundle = W.msg(API + "bundle.v1.GetBundleRequest").SerializeToString()
        for key, body in (
                ("stranger_hello", lambda i: hello(d.port).close()),
                ("stranger_handshake", lambda i: Stranger(d.port).close()),
                ("stranger_headers", lambda i: endless_headers(server)),
                ("stranger_pings", lambda i: pings(server)),
                ("stranger_bundle", lambda i: server.call(BUNDLE, bundle, ends=True)),
                ("stranger_page", lambda i: page(server.page)),
                ("stranger_chains", lambda i: server.call(ATTEST, server.chains)),
                ("stranger_ssh", lambda i: server.call(ATTEST, server.ssh)),
                ("stranger_large", lambda i: server.call(ATTEST, server.large))):
            results.add(key, floor, cpu_us=server.each(min(many, 20) if key == "stranger_pings" else many, body))
    finally:
        d.close()


def crowd(port, messages, sources, callers, stop):
    """Keeps `callers` attestations open from these addresses, all the time anew: each an own connection."""
    open_calls = []
    number = 0
    while not stop.is_set():
        try:
            caller = Stranger(port, sources[number % len(sources)])
            caller.begin(ATTEST, messages[number % len(messages)], ends=False)
            open_calls.append(caller)
        except OSError:
            time.sleep(0.01)
        number += 1
        if len(open_calls) > callers:
            open_calls.pop(0).close()
    for caller in open_calls:
        caller.close()


def prove(server, challenge):
    """The node's answer to a challenge of x509pop."""
    def b64(data):
        return base64.b64encode(data).decode()
    own = bytes(range(32))
    nonce = base64.b64decode(json.loads(challenge)["ecdsa_signature"]["nonce"])
    r, s = decode_dss_signature(server.key.sign(nonce + own, ec.ECDSA(hashes.SHA256())))
    return json.dumps({"rsa_signature": None, "ecdsa_signature": {
        "nonce": b64(own), "r": b64(r.to_bytes(32, "big")), "s": b64(s.to_bytes(32, "big"))}}).encode()


def attest(server, source):
    """An agent connects, proves itself with x509pop, and gets its SVID. Whether it did."""
    answer = W.cls(API + "agent.v1.AttestAgentResponse")
    caller = Stranger(server.d.port, source)
    try:
        caller.begin(ATTEST, server.node, ends=False)
        challenge = caller.finish(first=True)
        if not challenge:
            return False
        proof = prove(server, answer.FromString(challenge[5:]).challenge)
        caller.answer(W.msg(API + "agent.v1.AttestAgentRequest", challenge_response=proof).SerializeToString())
        result = caller.finish(first=True)
        return bool(result) and len(answer.FromString(result[5:]).result.svid.cert_chain) > 0
    except OSError:
        return False
    finally:
        caller.close()


def honest(server, count, most=120):
    """Milliseconds in which an agent connects and attests, from an address of its own; how many failed. Fewer than `count`
    where that takes longer than `most` seconds: then the figures say so, and the run ends."""
    times, failed = [], 0
    end = time.monotonic() + most
    for i in range(count):
        if time.monotonic() > end and times:
            break
        began = time.monotonic()
        if attest(server, f"127.9.{i // 200}.{i % 200 + 1}"):
            times.append((time.monotonic() - began) * 1000)
        else:
            failed += 1
    return times, failed


def crowds(results, quick):
    """An honest agent beside a thousand callers of one address, and of a thousand addresses. The rate limit is on."""
    server = Server(limited=True)
    d, count, callers = server.d, (10 if quick else 100), (50 if quick else 1_000)
    quiet = None
    try:
        for key, sources in (("honest", None), ("honest_one_address", ["127.0.0.1"]),
                             ("honest_addresses", [f"127.1.{i // 200}.{i % 200 + 1}" for i in range(callers)])):
            stop, crowd_of = multiprocessing.Event(), None
            if sources:
                crowd_of = multiprocessing.Process(
                    target=crowd, daemon=True, args=(d.port, [server.chains, server.ssh], sources, callers, stop))
                crowd_of.start()
                time.sleep(1 if quick else 10)
            before, began = cpu(d.server.pid), time.monotonic()
            times, failed = honest(server, count)
            used = (cpu(d.server.pid) - before) / (time.monotonic() - began) * 100
            memory = anonymous(d.server.pid)
            if crowd_of:
                stop.set()
                crowd_of.join(10)
                crowd_of.kill()  # It may stand in a handshake that nobody answers.
                crowd_of.join()
            if failed or not times:
                raise SystemExit(f"{key}: {failed} of {count} honest attestations failed\n{d.log()}")
            times.sort()
            p50 = median(times)
            quiet = quiet or p50
            results.add(key, {"p50_ms": quiet}, p50_ms=p50, p99_ms=times[min(len(times) - 1, len(times) * 99 // 100)],
                        percent=used, mb=memory)
    finally:
        d.close()


def measure(results, quick, sign):
    costs(results, quick, sign)
    crowds(results, quick)
