"""A Vault of the tests' own: TLS, four ways to log in, leases, a transit engine and a PKI engine with real cryptography.

usage: vault.py FOLDER [--namespace NAME] [--lease SECONDS]
Writes into FOLDER: ca.pem (of its TLS certificate), client.pem and client.key (for cert auth), root.pem (of the PKI),
jwt (for kubernetes auth), and last `port`. Each answer is a line `METHOD path status` in requests.log. Files that a test
makes there change what it does: `sealed`, `busy` (429), `forbidden` (403 for the paths that begin with a line of it),
`revoke` (all tokens end; the file goes).
"""
import argparse
import base64
import datetime
import hashlib
import http.server
import ipaddress
import json
import os
import secrets
import ssl
import threading
import time
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

STATIC_TOKEN = "s.test-token"
ROLE_ID, SECRET_ID = "role-of-the-server", "secret-of-the-server"
HASHES = {"sha2-256": hashes.SHA256, "sha2-384": hashes.SHA384, "sha2-512": hashes.SHA512}
MAXIMUM_TTL = 30 * 24 * 3600


class Refusal(Exception):
    def __init__(self, status, *errors):
        self.status, self.errors = status, list(errors)


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


class Authority:
    """A CA and what it signs."""

    def __init__(self, name, issuer=None):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signer = issuer or self
        self.certificate = signer.sign(self.name, self.key.public_key(), 3600 * 24 * 365, ca=True)
        self.above = ([issuer.certificate] + issuer.above) if issuer else []

    def sign(self, subject, key, seconds, ca=False, names=(), usage=None):
        end = now() + datetime.timedelta(seconds=seconds)
        if hasattr(self, "certificate"):
            end = min(end, self.certificate.not_valid_after_utc)
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key)
                   .serial_number(x509.random_serial_number())
                   .not_valid_before(now() - datetime.timedelta(seconds=30)).not_valid_after(end)
                   .add_extension(x509.BasicConstraints(ca, None), critical=True)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
                   .add_extension(x509.KeyUsage(
                       digital_signature=not ca, content_commitment=False, key_encipherment=False,
                       data_encipherment=False, key_agreement=False, key_cert_sign=ca, crl_sign=ca,
                       encipher_only=False, decipher_only=False), critical=True))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        if usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        return builder.sign(self.key, hashes.SHA256())


class Vault:
    def __init__(self, folder, namespace, lease):
        self.folder, self.namespace, self.lease = folder, namespace, lease
        self.lock = threading.Lock()
        self.tokens, self.keys = {}, {}
        self.tls = Authority("TLS of the test's Vault")
        self.root = Authority("Root of the test's PKI")
        self.issuer = Authority("Issuer of the test's PKI", self.root)
        self.grant(STATIC_TOKEN)
        self.write("ca.pem", pem(self.tls.certificate))
        self.write("root.pem", pem(self.root.certificate))
        self.write("jwt", secrets.token_urlsafe(32) + "\n")
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        self.pair("server", names, ExtendedKeyUsageOID.SERVER_AUTH)
        self.pair("client", [x509.DNSName("spire-server")], ExtendedKeyUsageOID.CLIENT_AUTH)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)

    def has(self, name):
        return os.path.exists(self.path(name))

    def pair(self, name, names, usage):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.write(name + ".pem", pem(self.tls.sign(subject, key.public_key(), 3600 * 24, names=names, usage=usage)))
        self.write(name + ".key", key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode())

    # Tokens

    def grant(self, token=None):
        token = token or "s." + secrets.token_urlsafe(18)
        self.tokens[token] = time.monotonic() + self.lease
        return token

    def auth(self, token):
        return {"auth": {"client_token": token, "accessor": "a", "policies": ["spire"], "token_type": "service",
                         "lease_duration": self.lease, "renewable": True}}

    def login(self, method, body, peer):
        if method == "approle":
            if (body.get("role_id"), body.get("secret_id")) != (ROLE_ID, SECRET_ID):
                raise Refusal(400, "invalid role or secret ID")
        elif method == "cert":
            if not peer:
                raise Refusal(400, "client certificate must be supplied")
        elif method == "kubernetes":
            with open(self.path("jwt")) as file:
                if body.get("role") != "spire" or body.get("jwt") != file.read().strip():
                    raise Refusal(403, "permission denied")
        else:
            raise Refusal(404, f'no handler for route "auth/{method}/login". route entry not found.')
        return self.auth(self.grant())

    # The transit engine

    def transit(self, method, rest, query, body):
        if rest == ["keys"] and (method == "LIST" or query.get("list") == ["true"]):
            if not self.keys:
                raise Refusal(404)
            return {"data": {"keys": sorted(self.keys)}}
        if rest[0] == "sign" and method in ("PUT", "POST"):
            return self.sign(rest[1], rest[2], body)
        name, key = rest[1], self.keys.get(rest[1])
        if len(rest) == 3 and rest[2] == "config":
            if not key:
                raise Refusal(400, "no existing key named %s could be found" % name)
            key["deletable"] = body.get("deletion_allowed", key["deletable"])
            return {"data": self.describe(name)}
        if method in ("PUT", "POST"):
            if not key:
                self.keys[name] = self.make(body.get("type", "aes256-gcm96"))
            return {"data": self.describe(name)}
        if not key:
            raise Refusal(404 if method == "GET" else 400, *([] if method == "GET" else ["could not delete key; not found"]))
        if method == "DELETE":
            if not key["deletable"]:
                raise Refusal(400, f"error deleting policy {name}: deletion is not allowed for this policy")
            del self.keys[name]
            return None
        return {"data": self.describe(name)}

    def make(self, kind):
        makers = {"ecdsa-p256": lambda: ec.generate_private_key(ec.SECP256R1()),
                  "ecdsa-p384": lambda: ec.generate_private_key(ec.SECP384R1()),
                  "rsa-2048": lambda: rsa.generate_private_key(65537, 2048),
                  "rsa-4096": lambda: rsa.generate_private_key(65537, 4096)}
        if kind not in makers:
            raise Refusal(400, f"unknown key type {kind}")
        return {"type": kind, "key": makers[kind](), "deletable": False, "created": now().isoformat().replace("+00:00", "Z")}

    def describe(self, name):
        key = self.keys[name]
        public = key["key"].public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        return {"name": name, "type": key["type"], "deletion_allowed": key["deletable"], "exportable": False,
                "auto_rotate_period": 0, "latest_version": 1, "supports_signing": True,
                "keys": {"1": {"creation_time": key["created"], "name": key["type"], "public_key": public}}}

    def sign(self, name, algorithm, body):
        key = self.keys.get(name)
        if not key:
            raise Refusal(400, "signing key not found")
        digest = base64.b64decode(body["input"], validate=True)
        hash_ = HASHES[algorithm]()
        if body.get("prehashed") is not True or len(digest) != hash_.digest_size:
            raise Refusal(400, "the input is not a digest of this algorithm")
        if key["type"].startswith("ecdsa"):
            if body.get("marshaling_algorithm", "asn1") != "asn1":
                raise Refusal(400, "unsupported marshaling")
            signature = key["key"].sign(digest, ec.ECDSA(utils.Prehashed(hash_)))
        else:
            schemes = {"pkcs1v15": padding.PKCS1v15(),
                       "pss": padding.PSS(padding.MGF1(hash_), padding.PSS.DIGEST_LENGTH)}
            signature = key["key"].sign(
                digest, schemes[body.get("signature_algorithm", "pss")], utils.Prehashed(hash_))
        return {"data": {"signature": "vault:v1:" + base64.b64encode(signature).decode(), "key_version": 1}}

    # The PKI engine

    def sign_intermediate(self, body):
        request = x509.load_pem_x509_csr(body["csr"].encode())
        if not request.is_signature_valid:
            raise Refusal(400, "certificate request could not be parsed: invalid signature")
        ttl = int(body.get("ttl") or 0) or 24 * 3600
        if ttl > MAXIMUM_TTL:
            ttl = MAXIMUM_TTL
        attributes = [x509.NameAttribute(NameOID.COUNTRY_NAME, c) for c in body.get("country", "").split(",") if c]
        attributes += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, o) for o in body.get("organization", "").split(",") if o]
        if body.get("common_name"):
            attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, body["common_name"]))
        uris = [x509.UniformResourceIdentifier(u) for u in body.get("uri_sans", "").split(",") if u]
        certificate = self.issuer.sign(x509.Name(attributes), request.public_key(), ttl, ca=True, names=uris)
        return {"data": {
            "certificate": pem(certificate).strip(), "issuing_ca": pem(self.issuer.certificate).strip(),
            "ca_chain": [pem(c).strip() for c in [self.issuer.certificate] + self.issuer.above],
            "serial_number": format(certificate.serial_number, "x"),
            "expiration": int(certificate.not_valid_after_utc.timestamp())}}

    # Requests

    def answer(self, method, target, headers, body, peer):
        url = urllib.parse.urlsplit(target)
        parts, query = url.path.strip("/").split("/"), urllib.parse.parse_qs(url.query)
        if parts[0] != "v1":
            raise Refusal(404)
        parts = parts[1:]
        if self.has("sealed"):
            raise Refusal(503, "Vault is sealed")
        if self.has("busy"):
            raise Refusal(429, "request path \"%s\": rate limit quota exceeded" % "/".join(parts))
        if self.has("revoke"):
            self.tokens.clear()
            os.remove(self.path("revoke"))
        if headers.get("X-Vault-Namespace", "").strip("/") != self.namespace:
            raise Refusal(404, "no handler for route")
        body = json.loads(body) if body else {}
        if parts[0] == "auth" and parts[-1] == "login":
            return self.login(parts[1], body, peer)
        token = headers.get("X-Vault-Token", "")
        if self.tokens.get(token, 0) < time.monotonic():
            raise Refusal(403, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n")
        if self.has("forbidden"):
            with open(self.path("forbidden")) as file:
                if any("/".join(parts).startswith(line.strip()) for line in file if line.strip()):
                    raise Refusal(403, "1 error occurred:\n\t* permission denied\n\n")
        if parts == ["auth", "token", "lookup-self"]:
            return {"data": {"ttl": int(self.tokens[token] - time.monotonic()), "renewable": True, "creation_ttl": self.lease}}
        if parts == ["auth", "token", "renew-self"]:
            self.grant(token)
            return self.auth(token)
        if parts[0] == "transit":
            return self.transit(method, parts[1:], query, body)
        if parts == ["pki", "root", "sign-intermediate"]:
            return self.sign_intermediate(body)
        raise Refusal(404, "no handler for route")

    def log(self, line):
        with self.lock, open(self.path("requests.log"), "a") as file:
            file.write(line + "\n")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    vault = None

    def serve(self):
        length = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(length)
        peer = self.connection.getpeercert(binary_form=True)
        try:
            with self.vault.lock:
                answer, status = self.vault.answer(self.command, self.path, self.headers, body, peer), 200
            status = 204 if answer is None else 200
        except Refusal as refusal:
            answer, status = {"errors": refusal.errors}, refusal.status
        except Exception as error:  # what a real server calls an internal error
            answer, status = {"errors": [f"internal error: {error!r}"]}, 500
        data = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        if status == 429:
            self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(data)
        token = self.headers.get("X-Vault-Token", "")
        self.vault.log(f"{self.command} {self.path} {status} {hashlib.sha256(token.encode()).hexdigest()[:8]}")

    do_GET = do_PUT = do_POST = do_DELETE = do_LIST = serve

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--namespace", default="")
    parser.add_argument("--lease", type=int, default=3600)
    options = parser.parse_args()
    Handler.vault = Vault(options.folder, options.namespace, options.lease)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(options.folder, "server.pem"), os.path.join(options.folder, "server.key"))
    context.load_verify_locations(os.path.join(options.folder, "ca.pem"))
    context.verify_mode = ssl.CERT_OPTIONAL
    server = Server(("127.0.0.1", 0), Handler)
    # The handshake is done by the thread of the connection.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    temporary = os.path.join(options.folder, "port.tmp")
    with open(temporary, "w") as file:
        file.write(str(server.server_address[1]))
    os.rename(temporary, os.path.join(options.folder, "port"))
    server.serve_forever()


main()
