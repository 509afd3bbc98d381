"""Azure as a server and an agent on one virtual machine see it, in a network of its own: login and Resource Manager over
TLS, Microsoft's certificates, and the instance metadata service at its fixed address. In the forms of Microsoft's
documentation.

usage: azure.py FOLDER
Writes web.pem, roots.pem and hosts into FOLDER, and says "ready".
"""
import base64
import datetime
import fcntl
import http.server
import json
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
SUBSCRIPTION = "8d10da13-8125-4ba9-a717-bf7490507b3d"
PRINCIPAL = "5d0ab4f1-7d1c-4b9a-a45b-6b3e2c7c6b11"
MACHINE = "02aab8a4-74ef-476e-8182-f6d2ba4166a6"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/frontend/providers"
ISSUER = "/pkiops/certs/tests.crt"
FOLDER = sys.argv[1]


def certificate(name, key, issuer=None, issuer_key=None, hosts=(), is_ca=False, is_signer=False):
    now = datetime.datetime.now(datetime.timezone.utc)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer.subject if issuer else subject)
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(hours=2))
               .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), True)
               .add_extension(x509.KeyUsage(not is_ca, False, False, False, False, is_ca, is_ca, False, False), True))
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(h) for h in hosts]), False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
    if is_signer:
        place = x509.UniformResourceIdentifier("http://www.microsoft.com" + ISSUER)
        access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, place)
        builder = builder.add_extension(x509.AuthorityInformationAccess([access]), False)
    return builder.sign(issuer_key or key, hashes.SHA256())


def pem(item):
    return item.public_bytes(serialization.Encoding.PEM)


root_key, inter_key, web_key, host_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(4))
signer_key, token_key = (rsa.generate_private_key(65537, 2048) for _ in range(2))
root = certificate("Tests Root", root_key, is_ca=True)
inter = certificate("Tests CA", inter_key, root, root_key, is_ca=True)
signer = certificate("eastus.metadata.azure.com", signer_key, inter, inter_key, ["eastus.metadata.azure.com"],
                     is_signer=True)
web = certificate("Web", web_key, is_ca=True)
HOSTS = ["login.microsoftonline.com", "management.azure.com"]
host = certificate("Azure", host_key, web, web_key, HOSTS)


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(audience):
    now = int(time.time())
    claims = {"aud": audience, "iss": f"https://sts.windows.net/{TENANT}/", "iat": now, "nbf": now, "exp": now + 3600,
              "oid": PRINCIPAL, "sub": PRINCIPAL, "tid": TENANT, "ver": "1.0"}
    signed = ".".join(b64url(json.dumps(part).encode()) for part in [{"typ": "JWT", "alg": "RS256", "kid": "k1"}, claims])
    return signed + "." + b64url(token_key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))


def document(nonce):
    content = {"licenseType": "", "nonce": nonce, "plan": {"name": "", "product": "", "publisher": ""}, "sku": "x",
               "subscriptionId": SUBSCRIPTION, "vmId": MACHINE,
               "timeStamp": {"createdOn": "11/22/26 10:00:00 -0000", "expiresOn": "11/22/26 16:00:00 -0000"}}
    signed = (pkcs7.PKCS7SignatureBuilder().set_data(json.dumps(content).encode())
              .add_signer(signer, signer_key, hashes.SHA256())
              .sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary]))
    return {"encoding": "pkcs7", "signature": base64.b64encode(signed).decode()}


def rows(*items):
    return {"totalRecords": len(items), "count": len(items), "data": list(items), "resultTruncated": "false"}


def graph(body):
    query = json.loads(body)
    assert query["subscriptions"] == [SUBSCRIPTION]
    text = query["query"]
    if "networkinterfaces" in text:
        return rows({"name": "nic1", "subnets": [{"vnet": "vnet", "name": "default"}],
                     "securityGroup": {"resourceGroup": "frontend", "name": "webservers"}})
    if f"'{MACHINE}'" in text:
        return rows({"id": GROUP + "/Microsoft.Compute/virtualMachines/blog", "name": "blog", "location": "eastus",
                     "tags": {"environment": "production", "secret": "x"}, "tenantId": TENANT,
                     "resourceGroup": "frontend", "vmId": MACHINE})
    return rows()


def metadata(path, query):
    if path == "/metadata/identity/oauth2/token":
        return {"access_token": token(query["resource"][0]), "expires_in": "3600", "token_type": "Bearer"}
    if path == "/metadata/attested/document":
        return document(query["nonce"][0])
    compute = {"name": "blog", "resourceGroupName": "frontend", "subscriptionId": SUBSCRIPTION, "vmId": MACHINE,
               "vmScaleSetName": ""}
    return {"/metadata/instance": {"compute": compute}, "/metadata/instance/compute": compute}.get(path)


def login(path):
    keys = "https://login.microsoftonline.com/common/discovery/keys"
    numbers = token_key.public_key().public_numbers()
    return {
        "/common/.well-known/openid-configuration": {"issuer": "https://sts.windows.net/{tenantid}/", "jwks_uri": keys},
        "/contoso.com/.well-known/openid-configuration": {"issuer": f"https://sts.windows.net/{TENANT}/"},
        "/common/discovery/keys": {"keys": [{
            "kty": "RSA", "use": "sig", "kid": "k1", "x5t": "k1", "n": b64url(numbers.n.to_bytes(256, "big")),
            "e": "AQAB"}]},
    }.get(path)


def management(path, body):
    network = GROUP + "/Microsoft.Network"
    machine = GROUP + "/Microsoft.Compute/virtualMachines/blog"
    interface = network + "/networkInterfaces/nic1"
    if path == "/providers/Microsoft.ResourceGraph/resources":
        return graph(body)
    return {
        f"/subscriptions/{SUBSCRIPTION}/resources": {"value": [{"id": machine}]},
        machine: {"properties": {"networkProfile": {"networkInterfaces": [{"id": interface}]}}},
        interface: {"properties": {
            "networkSecurityGroup": {"id": network + "/networkSecurityGroups/webservers"},
            "ipConfigurations": [{"properties": {"subnet": {"id": network + "/virtualNetworks/vnet/subnets/default"}}}]}},
    }.get(path)


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urllib.parse.urlsplit(self.path)
        place, refused = self.headers["Host"], 404
        if place == "www.microsoft.com":
            found = inter.public_bytes(serialization.Encoding.DER) if url.path == ISSUER else None
        elif place == "169.254.169.254":
            # Who looks whether the service is there leaves the header out, and is refused.
            refused = 404 if self.headers["Metadata"] == "true" else 400
            found = metadata(url.path, urllib.parse.parse_qs(url.query)) if refused == 404 else None
        elif place == "login.microsoftonline.com":
            found = login(url.path)
        else:
            assert self.headers["Authorization"].startswith("Bearer ey")
            found = management(url.path, body)
        data = found if isinstance(found, bytes) else json.dumps(found or {}).encode()
        self.send_response(200 if found else refused)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = answer

    def log_message(self, *arguments):
        print(self.headers["Host"] if hasattr(self, "headers") else "", *arguments, flush=True)


def serve(address, port, context=None):
    server = http.server.ThreadingHTTPServer((address, port), Handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()


# The address of the metadata service, on this network's loopback.
with socket.socket() as s:
    address = struct.pack("16sH2x4s8x", b"lo:1", socket.AF_INET, socket.inet_aton("169.254.169.254"))
    fcntl.ioctl(s, 0x8916, address)

for name, data in [("web.pem", pem(web)), ("roots.pem", pem(root)), ("host.pem", pem(host)),
                   ("host.key", host_key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                       serialization.NoEncryption())),
                   ("hosts", ("127.0.0.1 localhost www.microsoft.com " + " ".join(HOSTS) + "\n").encode())]:
    with open(f"{FOLDER}/{name}", "wb") as file:
        file.write(data)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(FOLDER + "/host.pem", FOLDER + "/host.key")
serve("127.0.0.1", 443, context)
serve("127.0.0.1", 80)
serve("169.254.169.254", 80)
print("ready", flush=True)
threading.Event().wait()
