"""grpcio calls the server's API from the wire tables, over the admin socket."""
import os

import grpc
from wire import Wire

w = Wire("server-and-agent-api")
channel = grpc.insecure_channel("unix://" + os.environ["SERVER_SOCKET"])
T = "spire.api.types."


def sid(path):
    return w.msg(T + "SPIFFEID", trust_domain="example.org", path=path)


def refused(code, text, call, *args):
    try:
        call(*args)
    except grpc.RpcError as error:
        assert error.code() == code, (error.code(), error.details())
        assert text in error.details(), error.details()
    else:
        raise SystemExit(f"{text}: was not refused")


entry = w.stub(channel, "spire.api.server.entry.v1.Entry")
E = "spire.api.server.entry.v1."
selector = w.msg(T + "Selector", type="unix", value="uid:4711")
new = [w.msg(T + "Entry", spiffe_id=sid(f"/batch/{i}"), parent_id=sid("/host"), selectors=[selector], x509_svid_ttl=600)
       for i in range(120)]
made = entry.BatchCreateEntry(w.msg(E + "BatchCreateEntryRequest", entries=new))
assert [r.status.code for r in made.results] == [0] * 120 and made.results[0].status.message == "OK"
again = entry.BatchCreateEntry(w.msg(E + "BatchCreateEntryRequest", entries=new[:1]))
assert again.results[0].status.code == 6 and "similar entry already exists" in again.results[0].status.message
assert again.results[0].entry.id == made.results[0].entry.id

seen, token, pages = [], "", 0
while True:
    page = entry.ListEntries(w.msg(E + "ListEntriesRequest", page_size=50, page_token=token))
    seen += [e.id for e in page.entries]
    pages += 1
    token = page.next_page_token
    if not token:
        break
assert len(seen) == len(set(seen)) >= 120, len(seen)

changed = made.results[0].entry
changed.hint = "internal"
updated = entry.BatchUpdateEntry(w.msg(E + "BatchUpdateEntryRequest", entries=[changed],
                                       input_mask=w.msg(T + "EntryMask", hint=True)))
assert updated.results[0].status.code == 0 and updated.results[0].entry.revision_number == 1
assert entry.GetEntry(w.msg(E + "GetEntryRequest", id=changed.id)).hint == "internal"
bad = entry.BatchCreateEntry(w.msg(E + "BatchCreateEntryRequest", entries=[
    w.msg(T + "Entry", spiffe_id=sid("/spire/x"), parent_id=sid("/host"), selectors=[selector]),
    w.msg(T + "Entry", spiffe_id=sid("/ok"), parent_id=sid("/host"), selectors=[]),
    w.msg(T + "Entry", spiffe_id=sid("/a b"), parent_id=sid("/host"), selectors=[selector])]))
assert [r.status.code for r in bad.results] == [3, 3, 3], [r.status for r in bad.results]
gone = entry.BatchDeleteEntry(w.msg(E + "BatchDeleteEntryRequest", ids=[r.entry.id for r in made.results] + ["none"]))
assert [r.status.code for r in gone.results] == [0] * 120 + [5]
refused(grpc.StatusCode.NOT_FOUND, "entry not found", entry.GetEntry, w.msg(E + "GetEntryRequest", id=changed.id))
refused(grpc.StatusCode.INVALID_ARGUMENT, "missing ID", entry.GetEntry, w.msg(E + "GetEntryRequest"))
refused(grpc.StatusCode.PERMISSION_DENIED, "authorization denied for method", entry.GetAuthorizedEntries,
        w.msg(E + "GetAuthorizedEntriesRequest"))

svid = w.stub(channel, "spire.api.server.svid.v1.SVID")
S = "spire.api.server.svid.v1."
refused(grpc.StatusCode.INVALID_ARGUMENT, "missing CSR", svid.MintX509SVID, w.msg(S + "MintX509SVIDRequest"))
refused(grpc.StatusCode.INVALID_ARGUMENT, "malformed CSR", svid.MintX509SVID, w.msg(S + "MintX509SVIDRequest", csr=b"\x30\x80"))
jwt = svid.MintJWTSVID(w.msg(S + "MintJWTSVIDRequest", id=sid("/m"), audience=["a"]))
assert jwt.svid.token.count(".") == 2
refused(grpc.StatusCode.INVALID_ARGUMENT, "at least one audience is required", svid.MintJWTSVID,
        w.msg(S + "MintJWTSVIDRequest", id=sid("/m")))

# A message above 4 MiB costs nothing and does not hurt the connection.
big = w.msg(T + "Entry", hint="x" * (5 << 20))
try:
    entry.BatchCreateEntry(w.msg(E + "BatchCreateEntryRequest", entries=[big]))
    raise SystemExit("a message of 5 MiB was accepted")
except grpc.RpcError as error:
    # The stock transport resets the stream; ours will say RESOURCE_EXHAUSTED (docs/compatibility.md).
    assert error.code() in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.CANCELLED), error
assert entry.CountEntries(w.msg(E + "CountEntriesRequest")).count >= 1
# Bytes that are no protobuf, and a method that does not exist.
raw = channel.unary_unary("/spire.api.server.entry.v1.Entry/GetEntry", request_serializer=bytes, response_deserializer=bytes)
try:
    raw(b"\xff\xff\xff")
    raise SystemExit("malformed protobuf was accepted")
except grpc.RpcError as error:
    assert error.code() in (grpc.StatusCode.INTERNAL, grpc.StatusCode.INVALID_ARGUMENT), error
for path in ("/spire.api.server.entry.v1.Entry/Nope", "/Nope/Nope"):
    try:
        channel.unary_unary(path, request_serializer=bytes, response_deserializer=bytes)(b"")
        raise SystemExit("an unknown method was accepted")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNIMPLEMENTED, error

agent = w.stub(channel, "spire.api.server.agent.v1.Agent")
A = "spire.api.server.agent.v1."
refused(grpc.StatusCode.INVALID_ARGUMENT, "ttl is required", agent.CreateJoinToken, w.msg(A + "CreateJoinTokenRequest"))
assert agent.CountAgents(w.msg(A + "CountAgentsRequest")).count >= 0
bundle = w.stub(channel, "spire.api.server.bundle.v1.Bundle")
own = bundle.GetBundle(w.msg("spire.api.server.bundle.v1.GetBundleRequest"))
assert own.trust_domain == "example.org" and len(own.x509_authorities) >= 1 and len(own.jwt_authorities) >= 1
print("server API: ok")
