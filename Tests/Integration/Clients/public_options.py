"""What the options of the agent's public socket do, as callers see it. argv: what to look at, and files for it."""
import concurrent.futures
import datetime
import os
import sys

import grpc
import jwt
from wire import Wire, refused

HEADER = [("workload.spiffe.io", "true")]
w = Wire("workload-api")
channel = grpc.insecure_channel(os.environ["SPIFFE_ENDPOINT_SOCKET"])
api = w.stub(channel, "SpiffeWorkloadAPI")
code = grpc.StatusCode


def stream(method, request):
    return next(getattr(api, method)(w.msg(request), metadata=HEADER, timeout=30))


def token(audience="db"):
    return api.FetchJWTSVID(w.msg("JWTSVIDRequest", audience=[audience]), metadata=HEADER, timeout=30)


def health():
    check = channel.unary_unary("/grpc.health.v1.Health/Check", request_serializer=bytes, response_deserializer=bytes)
    return check(b"", timeout=30)


def verifier():
    """Nobody that is registered: bundles of the own trust domain, and nothing else."""
    denied = (code.PERMISSION_DENIED, "no identity issued")
    assert refused(lambda: api.FetchX509SVID(w.msg("X509SVIDRequest"), metadata=HEADER, timeout=30)) == denied
    assert refused(token) == denied
    assert list(stream("FetchX509Bundles", "X509BundlesRequest").bundles) == ["spiffe://example.org"]
    assert list(stream("FetchJWTBundles", "JWTBundlesRequest").bundles) == ["spiffe://example.org"]


def stranger():
    """The same without the option."""
    denied = (code.PERMISSION_DENIED, "no identity issued")
    assert refused(lambda: stream("FetchX509Bundles", "X509BundlesRequest")) == denied
    assert refused(lambda: stream("FetchJWTBundles", "JWTBundlesRequest")) == denied


def claims(key_path, key_id, *allowed):
    """A token of a foreign trust domain: of its claims the standard ones and those that are allowed."""
    now = datetime.datetime.now(datetime.timezone.utc)
    payload = {"sub": "spiffe://foreign.test/x", "aud": ["db"], "exp": now + datetime.timedelta(minutes=5), "iat": now,
               "team": "blue", "role": "reader", "secret": "x"}
    foreign = jwt.encode(payload, open(key_path).read(), algorithm="ES256", headers={"kid": key_id})
    request = w.msg("ValidateJWTSVIDRequest", audience="db", svid=foreign)
    answer = api.ValidateJWTSVID(request, metadata=HEADER, timeout=30)
    assert set(answer.claims) == {"sub", "exp", "aud", *allowed}, set(answer.claims)
    own = w.msg("ValidateJWTSVIDRequest", audience="db", svid=token().svids[0].svid)
    assert "iat" in api.ValidateJWTSVID(own, metadata=HEADER, timeout=30).claims


def limit():
    """One token per second for callers with equal selectors; what has no limit is not refused."""
    def outcome(_):
        try:
            token()
            return "ok"
        except grpc.RpcError as error:
            return error.code(), error.details()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        outcomes = set(pool.map(outcome, range(48)))
    assert (code.UNAVAILABLE, "rate limit exceeded for /SpiffeWorkloadAPI/FetchJWTSVID") in outcomes, outcomes
    assert outcomes <= {"ok", (code.UNAVAILABLE, "rate limit exceeded for /SpiffeWorkloadAPI/FetchJWTSVID")}, outcomes
    for _ in range(5):
        stream("FetchX509Bundles", "X509BundlesRequest")


def disabled():
    """No Workload API: the method is unknown, and the agent is healthy all the same."""
    assert refused(lambda: stream("FetchX509SVID", "X509SVIDRequest"))[0] == code.UNIMPLEMENTED
    assert health() == b"\x08\x01"


globals()[sys.argv[1]](*sys.argv[2:])
