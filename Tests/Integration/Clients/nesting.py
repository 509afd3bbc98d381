"""Workloads of different branches, as applications in Python see each other: TLS in both directions between any two,
and JWT-SVIDs validated with the other's bundle and by the other's agent.

usage: nesting.py AGENT-SOCKET...
"""
import os
import ssl
import sys
import tempfile

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from spiffe import JwtSvid, TrustDomain, WorkloadApiClient

DOMAIN = TrustDomain("example.org")
folder = tempfile.TemporaryDirectory()


class Workload:
    def __init__(self, number, socket):
        self.client = WorkloadApiClient(socket_path="unix://" + socket)
        context = self.client.fetch_x509_context()
        svid = context.default_svid
        self.id = str(svid.spiffe_id)
        self.path = os.path.join(folder.name, f"{number}.pem")
        with open(self.path, "wb") as file:
            for certificate in svid.cert_chain:
                file.write(certificate.public_bytes(Encoding.PEM))
            file.write(svid.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        bundle = context.x509_bundle_set.get_bundle_for_trust_domain(DOMAIN)
        self.roots = "".join(root.public_bytes(Encoding.PEM).decode() for root in bundle.x509_authorities)
        self.token = self.client.fetch_jwt_svid(audience={"peer"}).token
        self.keys = self.client.fetch_jwt_bundles().get_bundle_for_trust_domain(DOMAIN)

    def tls(self, server):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=self.roots)
        context.load_cert_chain(self.path)
        return context


def handshake(server, client):
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        server.tls(True).wrap_bio(to_server, to_client, server_side=True),
        client.tls(False).wrap_bio(to_client, to_server),
    ]
    for _ in range(8):
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                pass
    for side, other in zip(sides, [client, server]):
        names = [value for kind, value in side.getpeercert()["subjectAltName"] if kind == "URI"]
        assert names == [other.id], names


workloads = [Workload(number, socket) for number, socket in enumerate(sys.argv[1:])]
for one in workloads:
    for other in workloads:
        handshake(one, other)
        JwtSvid.parse_and_validate(one.token, other.keys, {"peer"})
        assert str(other.client.validate_jwt_svid(one.token, "peer").spiffe_id) == one.id
print(f"nesting: {len(workloads)} workloads accept each other")
