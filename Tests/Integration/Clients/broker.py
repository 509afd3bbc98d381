"""The SPIFFE Broker API as brokers use it: mutual TLS with an SVID of the Workload API, over a Unix socket and TCP."""
import datetime
import os
import signal
import ssl
import subprocess
import sys

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key
from tls_tunnel import Tunnel
from wire import Wire, refused

folder, socket_path, port, agent_id, pid, server = *sys.argv[1:5], int(sys.argv[5]), sys.argv[6]
broker, workload = Wire("broker-api"), Wire("workload-api")
HEADER = [("broker.spiffe.io", "true")]
P = "spiffe.broker."
PID_URL = "type.googleapis.com/spiffe.broker.WorkloadPIDReference"
K8S_URL = "type.googleapis.com/spiffe.broker.KubernetesObjectReference"
code = grpc.StatusCode


def pem(der):
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)


def private_pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def own_svids():
    """This process's credentials by SPIFFE ID, as the Workload API gives them."""
    channel = grpc.insecure_channel(os.environ["SPIFFE_ENDPOINT_SOCKET"])
    api = workload.stub(channel, "SpiffeWorkloadAPI")
    update = next(api.FetchX509SVID(workload.msg("X509SVIDRequest"), metadata=[("workload.spiffe.io", "true")], timeout=30))
    return {s.spiffe_id.rpartition("/")[2]: ([pem(s.x509_svid)], private_pem(load_der_private_key(s.x509_svid_key, None)))
            for s in update.svids}


def foreign():
    """A trust domain of this script's own: the certificate of its authority, and a broker's credential."""
    now = datetime.datetime.now(datetime.timezone.utc)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "foreign")])

    def certificate(key, uri, issuer_key, ca):
        usage = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                               "encipher_only", "decipher_only"), False)
        return (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(minutes=5))
                .not_valid_after(now + datetime.timedelta(hours=1))
                .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), False)
                .add_extension(x509.BasicConstraints(ca, None), True)
                .add_extension(x509.KeyUsage(digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, **usage), True)
                .sign(issuer_key, hashes.SHA256()).public_bytes(Encoding.PEM))

    authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = certificate(authority, "spiffe://foreign.test", authority, True)
    return root, ([certificate(key, "spiffe://foreign.test/broker", authority, False)], private_pem(key))


def tunnel(target, credential):
    with open(os.environ["BUNDLE"], "rb") as file:
        roots = x509.load_pem_x509_certificates(file.read())
    return Tunnel(target, credential, [root.public_bytes(Encoding.DER) for root in roots], agent_id)


def stub(made):
    return broker.stub(grpc.insecure_channel(made.address, options=[("grpc.use_local_subchannel_pool", 1)]), P + "API")


def reference(url=PID_URL, number=pid):
    message = broker.msg(P + "WorkloadReference")
    message.reference.type_url = url
    message.reference.value = broker.msg(P + "WorkloadPIDReference", pid=number).SerializeToString() if url == PID_URL else b""
    return message


def subscribe(api, named=None, metadata=HEADER):
    return api.SubscribeToX509SVID(broker.msg(P + "SubscribeToX509SVIDRequest", reference=named or reference()),
                                   metadata=metadata, timeout=60)


def shut_out(target, credential):
    """A client that the handshake refuses."""
    made = tunnel(target, credential)
    assert refused(lambda: subscribe(stub(made)))[0] == code.UNAVAILABLE
    assert made.failure is not None or made.count <= 1, "the handshake went through"


def comes_back(target, credential):
    """Who comes back with a session has to show its certificate again: the handshake is a whole one."""
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        made = tunnel(target, credential)
        made.context.minimum_version = made.context.maximum_version = version
        with made.connect() as first:
            first.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\4" + bytes(5))
            assert first.recv(1000), "no SETTINGS, before which tickets come"
            session = first.session
            assert session and session.has_ticket, version
        with made.connect(session) as again:
            assert not again.session_reused, version


def command(*arguments):
    subprocess.run([server, *arguments, "-socketPath", os.environ["SERVER_SOCKET"]], check=True, capture_output=True)


mine = own_svids()
assert set(mine) == {"broker", "remote", "stranger"}, mine
tcp = ("127.0.0.1", int(port))

# Over the Unix socket: a process by its number.
unix = stub(tunnel(socket_path, mine["broker"]))
following = subscribe(unix)
update = next(following)
assert [s.spiffe_id for s in update.svids] == ["spiffe://example.org/sleeper"], update
leaf = x509.load_der_x509_certificate(update.svids[0].x509_svid)
leaf.verify_directly_issued_by(x509.load_der_x509_certificate(update.svids[0].bundle))
J = P + "FetchJWTSVIDRequest"
tokens = unix.FetchJWTSVID(broker.msg(J, reference=reference(), audience=["db"]), metadata=HEADER, timeout=30)
assert [t.spiffe_id for t in tokens.svids] == ["spiffe://example.org/sleeper"]
bundles = next(unix.SubscribeToX509Bundles(
    broker.msg(P + "SubscribeToX509BundlesRequest", reference=reference()), metadata=HEADER, timeout=30)).bundles
assert bundles["spiffe://example.org"] == update.svids[0].bundle
keys = next(unix.SubscribeToJWTBundles(
    broker.msg(P + "SubscribeToJWTBundlesRequest", reference=reference()), metadata=HEADER, timeout=30)).bundles
assert b'"kid"' in keys["spiffe://example.org"]

# The header, the reference, its type.
for metadata in ([], [("broker.spiffe.io", "True")], [("workload.spiffe.io", "true")]):
    assert refused(lambda: subscribe(unix, metadata=metadata)) == (
        code.INVALID_ARGUMENT, "security header missing from request")
assert refused(lambda: subscribe(unix, broker.msg(P + "WorkloadReference"))) == (
    code.INVALID_ARGUMENT, "workload reference must be provided")
assert refused(lambda: subscribe(unix, reference(K8S_URL))) == (
    code.PERMISSION_DENIED,
    f'broker "spiffe://example.org/broker" is not allowed to use reference type "{K8S_URL}"')
assert refused(lambda: subscribe(unix, reference(number=2**31 - 1)))[0] == code.NOT_FOUND

# Over TCP: what the configuration lets each broker do there.
assert refused(lambda: subscribe(stub(tunnel(tcp, mine["broker"])))) == (
    code.PERMISSION_DENIED, f'reference type "{PID_URL}" is not allowed over TCP for broker "spiffe://example.org/broker"')
remote = stub(tunnel(tcp, mine["remote"]))
assert next(subscribe(remote)).svids[0].spiffe_id == "spiffe://example.org/sleeper"
assert refused(lambda: subscribe(remote, reference("type.googleapis.com/example.Other"))) == (
    code.UNIMPLEMENTED, "no workload attestor handled reference")

for target in (socket_path, tcp):
    comes_back(target, mine["broker"])

# Whom the handshake refuses: no certificate, another ID, a trust domain that nobody knows.
root, credential = foreign()
for target in (socket_path, tcp):
    for presented in (None, mine["stranger"], credential):
        shut_out(target, presented)

# A foreign broker, from the moment that its bundle is known until it is forgotten.
with open(folder + "/foreign.pem", "wb") as file:
    file.write(root)
command("bundle", "set", "-id", "foreign.test", "-format", "pem", "-path", folder + "/foreign.pem")
command("entry", "create", "-spiffeID", "spiffe://example.org/federated", "-parentID", "spiffe://example.org/host",
        "-selector", "unix:uid:54321", "-federatesWith", "foreign.test")
made = tunnel(socket_path, credential)
api, stream = stub(made), None
while stream is None:
    try:
        candidate = subscribe(api)
        next(candidate)
        stream = candidate
    except grpc.RpcError as error:
        # Until the agent has the bundle.
        assert error.code() == code.UNAVAILABLE, error
command("bundle", "delete", "-id", "foreign.test", "-mode", "dissociate")
assert refused(lambda: stream)[0] == code.UNAUTHENTICATED
shut_out(socket_path, credential)

# The process ends, and with it what the broker hears of it.
os.kill(pid, signal.SIGKILL)
assert refused(lambda: following)[0] == code.NOT_FOUND
print("ok")
