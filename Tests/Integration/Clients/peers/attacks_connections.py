"""Garbage and old versions of TLS, connections by the hundred, and those that never come to a call."""
import os
import socket
import ssl
import time
import warnings

from attacks_floods import case
from http2 import PREFACE, Closed, Connection, tcp, unix
from hyperframe.frame import SettingsFrame
from subjects import COUNT, eventually


@case
def tls_garbage(endpoint):
    """garbage, plain text and cut handshakes on the TLS port"""
    if endpoint.name != "server TCP":
        return "skip"
    port = endpoint.socket().getpeername()[1]
    hello = client_hello()
    for bytes in (b"\0" * 50, b"GET / HTTP/1.0\r\n\r\n", PREFACE + SettingsFrame().serialize(), os.urandom(3000),
                  b"\x16\x03\x01\xff\xff" + os.urandom(5000), hello[:20], hello, hello + os.urandom(500), hello * 5,
                  b"\x15\x03\x03\x00\x02\x02\x28", b"\x14\x03\x03\x00\x01\x01" * 100, b""):
        with tcp(port) as s:
            s.sendall(bytes)
            s.shutdown(socket.SHUT_WR)
            s.settimeout(20)
            try:
                while s.recv(65536):
                    pass
            except ConnectionError:
                pass


tls_garbage.connections = 13


@case
def tls_versions(endpoint):
    """TLS 1.0 and 1.1, no ALPN and other protocols are refused; 1.2 and 1.3 with h2 are served"""
    if endpoint.name != "server TCP":
        return "skip"
    port = endpoint.socket().getpeername()[1]
    for alpn, version, served in [(["h2"], ssl.TLSVersion.TLSv1_3, True), (["h2"], ssl.TLSVersion.TLSv1_2, True),
                                  (["http/1.1"], None, False), (["h2"], ssl.TLSVersion.TLSv1_1, False)]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(alpn)
        if version:
            warnings.simplefilter("ignore")
            context.minimum_version = min(version, ssl.TLSVersion.TLSv1_2)
            context.maximum_version = version
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
        try:
            with Connection(context.wrap_socket(tcp(port))) as c:
                endpoint.check(c)
                works = True
        except (ssl.SSLError, Closed, OSError):
            works = False
        assert works == served, (alpn, version)


tls_versions.connections = 2


@case
def many_connections(endpoint):
    """many connections that say nothing, or only begin"""
    count = int(500 * COUNT)
    opened = [unix(os.environ["SERVER_SOCKET"]) if endpoint.name == "server admin" else endpoint.socket()
              for _ in range(count)]
    for s in opened[::2]:
        try:
            s.sendall(PREFACE + SettingsFrame().serialize())
        except OSError:
            pass  # One user does not get all connections where few files may be open.
    with endpoint.connect() as other:
        endpoint.check(other)
    for s in opened:
        s.close()


many_connections.connections = 500
many_connections.takes_room = True


def slow_starts(endpoint):
    """connections that never come to a call are closed in time"""
    starts = {"nothing": b"", "half a preface": PREFACE[:10], "only a preface": PREFACE,
              "settings": PREFACE + SettingsFrame().serialize()}
    opened = {name: Connection(endpoint.socket(), preface=None) for name in starts}
    if endpoint.name == "server TCP":
        port = opened["nothing"].sock.getpeername()[1]
        opened["no hello"] = Connection(tcp(port), preface=None)
        opened["half a hello"] = Connection(tcp(port), preface=None)
        opened["half a hello"].send(client_hello()[:30])
        opened["a hello"] = Connection(tcp(port), preface=None)
        opened["a hello"].send(client_hello())
    for name, bytes in starts.items():
        opened[name].send(bytes)
    return opened


def slow_ends(endpoint, opened, since):
    process = endpoint.process
    still = {n for n in opened if n != "settings"}  # an idle client is welcome
    def wait():
        for name in list(still):
            opened[name].pump(0)
            if opened[name].eof:
                still.discard(name)
        return not still
    try:
        eventually("", wait, max(1, 45 - (time.monotonic() - since)))
    except AssertionError:
        raise AssertionError(f"open after 45 s: {sorted(still)}")
    else:
        assert any("no HTTP/2 request began" in line for line in process.log()), "the log does not say so"
    finally:
        for c in opened.values():
            c.close()


def client_hello():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(incoming, outgoing).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()
