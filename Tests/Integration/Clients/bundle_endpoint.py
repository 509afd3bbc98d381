"""A bundle endpoint that was not written here: Python's TLS, a certificate of an authority made on the spot.

usage: bundle_endpoint.py FOLDER
Writes FOLDER/ca.pem, serves FOLDER/bundle.json at /bundle, and writes the port to FOLDER/port when it listens.
"""
import datetime
import http.server
import os
import ssl
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

folder = Path(sys.argv[1])
now = datetime.datetime.now(datetime.timezone.utc)


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(subject, key, issuer, issuer_key, is_ca, names=None):
    builder = (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(hours=1))
               .add_extension(x509.BasicConstraints(is_ca, None), critical=True))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def pem(item):
    return item.public_bytes(serialization.Encoding.PEM)


ca_key = ec.generate_private_key(ec.SECP256R1())
key = ec.generate_private_key(ec.SECP256R1())
(folder / "ca.pem").write_bytes(pem(certificate("test web", ca_key, "test web", ca_key, True)))
(folder / "endpoint.pem").write_bytes(
    pem(certificate("localhost", key, "test web", ca_key, False, ["localhost"]))
    + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path != "/bundle":
            return self.send_error(404)
        body = (folder / "bundle.json").read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder / "endpoint.pem")
if "BUNDLE_ENDPOINT_CURVE" in os.environ:
    context.set_ecdh_curve(os.environ["BUNDLE_ENDPOINT_CURVE"])
server.socket = context.wrap_socket(server.socket, server_side=True)
(folder / "port").write_text(str(server.server_address[1]))
server.serve_forever()
