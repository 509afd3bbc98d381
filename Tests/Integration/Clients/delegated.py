"""The delegated identity API as a delegate uses it: this process is one by its executable's path."""
import os
import signal
import sys

import grpc
import jwt
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key
from wire import Wire, refused

socket_path, entry_id, pid = sys.argv[1], sys.argv[2], int(sys.argv[3])
w = Wire("server-and-agent-api")
P = "spire.api.agent.delegatedidentity.v1."
api = w.stub(grpc.insecure_channel("unix://" + socket_path), P + "DelegatedIdentity")
entries = w.stub(grpc.insecure_channel("unix://" + os.environ["SERVER_SOCKET"]), "spire.api.server.entry.v1.Entry")
nobody = [w.msg("spire.api.types.Selector", type="unix", value="uid:54321")]


def subscribe(**request):
    return api.SubscribeToX509SVIDs(w.msg(P + "SubscribeToX509SVIDsRequest", **request), timeout=60)


def tokens(**request):
    return api.FetchJWTSVIDs(w.msg(P + "FetchJWTSVIDsRequest", **request), timeout=30)


def der(key):
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


# By selectors, which no process has.
stream = subscribe(selectors=nobody)
svid = next(stream).x509_svids[0]
assert svid.x509_svid.id.path == "/other" and svid.x509_svid.hint == "delegated", svid
leaf = x509.load_der_x509_certificate(svid.x509_svid.cert_chain[0])
assert der(load_der_private_key(svid.x509_svid_key, None).public_key()) == der(leaf.public_key())
bundles = next(api.SubscribeToX509Bundles(w.msg(P + "SubscribeToX509BundlesRequest"), timeout=30)).ca_certificates
roots = x509.load_der_x509_certificate(bundles["spiffe://example.org"])
leaf.verify_directly_issued_by(roots)

# By the number of a process, which is attested.
by_pid = subscribe(pid=pid)
assert [s.x509_svid.id.path for s in next(by_pid).x509_svids] == ["/sleeper"]
token = tokens(audience=["db"], pid=pid).svids[0]
assert jwt.decode(token.token, options={"verify_signature": False})["sub"] == "spiffe://example.org/sleeper"
keys = next(api.SubscribeToJWTBundles(w.msg(P + "SubscribeToJWTBundlesRequest"), timeout=30)).bundles
assert jwt.get_unverified_header(token.token)["kid"] in keys["spiffe://example.org"].decode()

argument = grpc.StatusCode.INVALID_ARGUMENT
both = "must provide either selectors or non-zero PID, but not both"
assert refused(lambda: subscribe()) == (argument, both)
assert refused(lambda: subscribe(selectors=nobody, pid=pid)) == (argument, both)
assert refused(lambda: tokens(selectors=nobody)) == (argument, "audience must be specified")
assert refused(lambda: subscribe(selectors=[w.msg("spire.api.types.Selector", type="a:b", value="c")])) == (
    argument, "could not parse provided selectors")

# A process that is gone gets nothing more.
os.kill(pid, signal.SIGKILL)
unavailable = (grpc.StatusCode.UNAVAILABLE, "workload attestation failed")
assert refused(lambda: by_pid) == unavailable
assert refused(lambda: subscribe(pid=2**31 - 1)) == unavailable

# The delegate's own entry goes: nothing changes for the workload, and the stream ends all the same.
E = "spire.api.server.entry.v1."
entries.BatchDeleteEntry(w.msg(E + "BatchDeleteEntryRequest", ids=[entry_id]), timeout=30)
denied = (grpc.StatusCode.PERMISSION_DENIED, "no identity issued")
assert refused(lambda: stream) == denied, "the open stream"
assert refused(lambda: subscribe(selectors=nobody)) == denied
assert refused(lambda: tokens(audience=["db"], selectors=nobody)) == denied
print("ok")
