"""What no client should send: each is refused with a clear error, and everybody else is served as before.

usage: bad_requests.py PORT
"""
import os
import socket
import ssl
import sys

import grpc
from wire import Wire

PORT = int(sys.argv[1])
ADMIN, WORKLOAD = os.environ["SERVER_SOCKET"], os.environ["SPIFFE_ENDPOINT_SOCKET"].removeprefix("unix://")
w = Wire("server-and-agent-api", "workload-api")
S, T = "spire.api.server.", "spire.api.types."
INVALID = {grpc.StatusCode.INVALID_ARGUMENT}
# What gRPC libraries answer to bytes that are not the message.
UNREADABLE = {grpc.StatusCode.INTERNAL, grpc.StatusCode.INVALID_ARGUMENT}
TOO_LARGE = {grpc.StatusCode.RESOURCE_EXHAUSTED}


def refused(what, codes, call, text=""):
    try:
        answer = call()
    except grpc.RpcError as error:
        assert error.code() in codes and text in error.details(), (what, error.code(), error.details())
        assert error.details(), f"{what}: no word of explanation"
    else:
        raise SystemExit(f"{what}: was not refused: {answer}")


options = [("grpc.max_send_message_length", -1)]
admin = grpc.insecure_channel("unix://" + ADMIN, options=options)
workload = grpc.insecure_channel("unix://" + WORKLOAD, options=options)
entry, svid, agent, bundle = (w.stub(admin, S + name) for name in (
    "entry.v1.Entry", "svid.v1.SVID", "agent.v1.Agent", "bundle.v1.Bundle"))
api = w.stub(workload, "SpiffeWorkloadAPI")
header = (("workload.spiffe.io", "true"),)


def sid(path, trust_domain="example.org"):
    return w.msg(T + "SPIFFEID", trust_domain=trust_domain, path=path)


def create(**fields):
    fields = {"spiffe_id": sid("/w"), "parent_id": sid("/host"),
              "selectors": [w.msg(T + "Selector", type="unix", value="uid:1")], **fields}
    return entry.BatchCreateEntry(w.msg(S + "entry.v1.BatchCreateEntryRequest", entries=[w.msg(T + "Entry", **fields)]))


# Bytes that are no message: cut short, an endless varint, a wrong wire type, text that is not UTF-8.
create_raw = admin.unary_unary("/spire.api.server.entry.v1.Entry/BatchCreateEntry")
for raw in (b"\x0a\xff", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"\x0b", b"\xff" * 64, b"\x0a\x04\x0a\x02\xff\xfe"):
    refused(f"malformed protobuf {raw[:8]!r}", UNREADABLE, lambda: create_raw(raw, timeout=60))
fetch_raw = workload.unary_unary("/SpiffeWorkloadAPI/FetchJWTSVID")
refused("malformed protobuf at the agent", UNREADABLE, lambda: fetch_raw(b"\x0a\xff", metadata=header, timeout=60))

# More than 4 MiB.
refused("oversized message", TOO_LARGE, lambda: create_raw(bytes(5 << 20), timeout=20))
refused("oversized message at the agent", TOO_LARGE, lambda: fetch_raw(bytes(5 << 20), metadata=header, timeout=20))

# CSRs: nothing, no DER, cut short, a megabyte.
for csr, text in ((b"", "missing CSR"), (b"csr", "malformed CSR"), (b"\x30\x82\x01\x00\x30", "malformed CSR"),
                  (b"\x30" * (1 << 20), "malformed CSR")):
    refused("CSR", INVALID, lambda: svid.MintX509SVID(w.msg(S + "svid.v1.MintX509SVIDRequest", csr=csr)), text)

# Identities and selectors.
for path in ("w", "/", "/w/", "//w", "/w/../x", "/w x", "/wé", "/spire/server"):
    result = create(spiffe_id=sid(path)).results[0].status
    assert result.code == 3 and result.message, (path, result)
for fields in ({"spiffe_id": sid("/w", "other.org")}, {"spiffe_id": sid("/w", "Example.org")}, {"selectors": []},
               {"selectors": [w.msg(T + "Selector", type="", value="x")]},
               {"selectors": [w.msg(T + "Selector", type="a:b", value="x")]}, {"federates_with": ["not a domain"]},
               {"dns_names": ["a b"]}, {"x509_svid_ttl": -1}):
    result = create(**fields).results[0].status
    assert result.code == 3 and result.message, (fields, result)
refused("JWT for nobody", INVALID, lambda: svid.MintJWTSVID(w.msg(S + "svid.v1.MintJWTSVIDRequest", audience=["a"])))
refused("JWT without audience", INVALID, lambda: svid.MintJWTSVID(
    w.msg(S + "svid.v1.MintJWTSVIDRequest", id=sid("/w"))), "at least one audience is required")
refused("agent id", INVALID, lambda: agent.GetAgent(w.msg(S + "agent.v1.GetAgentRequest", id=sid("/w x"))))
refused("page token", {grpc.StatusCode.INTERNAL}, lambda: entry.ListEntries(
    w.msg(S + "entry.v1.ListEntriesRequest", page_size=1, page_token="x")), "failed to list entries: could not parse token 'x'")

# JWTs: nothing, no JWT, alg none, a megabyte.
for token in ("", "x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzcGlmZmU6Ly9leGFtcGxlLm9yZy93In0.", "x" * (1 << 20)):
    refused("JWT", INVALID, lambda: api.ValidateJWTSVID(
        w.msg("ValidateJWTSVIDRequest", audience="a", svid=token), metadata=header))
refused("no security header", INVALID, lambda: api.FetchJWTSVID(w.msg("JWTSVIDRequest", audience=["a"])),
        "security header missing from request")


# Bytes that are no HTTP/2, or not yet; connections that say nothing are left open meanwhile.
def unix(path):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    return s


def tcp():
    return socket.create_connection(("127.0.0.1", PORT))


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
idle = [open_() for open_ in (lambda: unix(ADMIN), lambda: unix(WORKLOAD), tcp) for _ in range(20)]
for open_ in (lambda: unix(ADMIN), lambda: unix(WORKLOAD), tcp):
    for garbage in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", os.urandom(4096), PREFACE + b"\xff" * 64,
                    PREFACE + b"\x00\x00\x06\x04\x00\x00\x00\x00\x00" + bytes(6) + b"\x00\x00\x00\x09\x04\x00\x00\x00\x01",
                    b"\x16\x03\x01\x02\x00\x01\x00"):
        with open_() as s:
            s.settimeout(15)
            try:
                s.sendall(garbage)
                s.shutdown(socket.SHUT_WR)
                while s.recv(65536):
                    pass
            except OSError:
                pass
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
context.set_alpn_protocols(["h2"])
with context.wrap_socket(tcp()) as s:
    s.sendall(b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n")
    s.settimeout(15)
    try:
        while s.recv(65536):
            pass
    except OSError:
        pass

# Everybody else is served.
assert create(spiffe_id=sid("/after")).results[0].status.code == 0
assert api.FetchJWTSVID(w.msg("JWTSVIDRequest", audience=["a"]), metadata=header).svids[0].svid.count(".") == 2
for s in idle:
    s.close()
print("ok")
