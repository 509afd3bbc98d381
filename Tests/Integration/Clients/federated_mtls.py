"""Workloads of two trust domains meet: mTLS in both directions with Python's TLS (OpenSSL), SVIDs and bundles from py-spiffe.

usage: federated_mtls.py MODE AGENT_SOCKET AGENT_SOCKET
  alone      each workload knows the authorities of its own trust domain only
  both       each side accepts the other one's X509-SVID and JWT-SVID, and nothing else
  x509       the same without JWT-SVIDs, which need the servers
  keys       prints the authority key identifiers that signed the two X509-SVIDs
"""
import socket
import ssl
import sys
import tempfile
import threading
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from spiffe import WorkloadApiClient


class Workload:
    def __init__(self, path, folder):
        self.client = WorkloadApiClient(socket_path="unix://" + path)
        context = self.client.fetch_x509_context()
        svid = context.default_svid
        self.svid = svid
        self.id = str(svid.spiffe_id)
        self.trust_domain = svid.spiffe_id.trust_domain
        self.bundles = {b.trust_domain.name: b for b in context.x509_bundle_set.bundles}
        self.chain = folder / (self.trust_domain.name + ".pem")
        key = svid.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.chain.write_bytes(key + b"".join(c.public_bytes(Encoding.PEM) for c in svid.cert_chain))

    def context(self, side, trust_domain):
        """TLS with this workload's SVID, for peers of one trust domain."""
        context = ssl.SSLContext(side)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(self.chain)
        authorities = self.bundles[trust_domain.name].x509_authorities
        context.load_verify_locations(cadata="".join(a.public_bytes(Encoding.PEM).decode() for a in authorities))
        return context


def peer_id(connection):
    names = [value for kind, value in connection.getpeercert()["subjectAltName"] if kind == "URI"]
    assert len(names) == 1, names
    return names[0]


def handshake(server, client, server_trusts, client_trusts):
    """The IDs that server and client saw of each other, or None where the handshake failed."""
    near, far = socket.socketpair()
    seen = {}

    def serve():
        try:
            with server.context(ssl.PROTOCOL_TLS_SERVER, server_trusts).wrap_socket(far, server_side=True) as tls:
                seen["client"] = peer_id(tls)
                tls.sendall(b"hello")
        except OSError:
            far.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        context = client.context(ssl.PROTOCOL_TLS_CLIENT, client_trusts)
        with context.wrap_socket(near, server_hostname="peer") as tls:
            # With TLS 1.3 the client is done before the server has looked at its certificate.
            if tls.recv(5) == b"hello":
                seen["server"] = peer_id(tls)
    except OSError:
        near.close()
    thread.join()
    return (seen["server"], seen["client"]) if len(seen) == 2 else None


mode, *sockets = sys.argv[1:]
with tempfile.TemporaryDirectory() as folder:
    one, two = (Workload(path, Path(folder)) for path in sockets)
    if mode == "keys":
        for workload in (one, two):
            extension = workload.svid.leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
            print(workload.trust_domain.name, extension.value.key_identifier.hex())
        sys.exit(0)
    if mode == "alone":
        for workload in (one, two):
            assert list(workload.bundles) == [workload.trust_domain.name], workload.bundles
        print("alone: ok")
        sys.exit(0)
    for workload in (one, two):
        assert sorted(workload.bundles) == sorted([one.trust_domain.name, two.trust_domain.name]), workload.bundles
    for server, client in ((one, two), (two, one)):
        met = handshake(server, client, client.trust_domain, server.trust_domain)
        assert met == (server.id, client.id), (met, server.id, client.id)
        # One trust domain's authorities say nothing about another one's workloads.
        assert handshake(server, client, server.trust_domain, server.trust_domain) is None
        assert handshake(server, client, client.trust_domain, client.trust_domain) is None
        if mode != "both":
            continue
        token = client.client.fetch_jwt_svid(audience={server.id})
        validated = server.client.validate_jwt_svid(token.token, server.id)
        assert str(validated.spiffe_id) == client.id
        try:
            server.client.validate_jwt_svid(token.token, client.id)
            raise SystemExit("a token for another audience was accepted")
        except Exception as error:
            assert "audience" in str(error), error
print(mode + ": ok")
