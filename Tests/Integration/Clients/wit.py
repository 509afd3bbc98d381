"""WIT-SVIDs through a client that was not written here: fetched over the Workload API, verified with PyJWT."""
import json
import os
import sys

import grpc
import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from wire import Wire, refused

header = [("workload.spiffe.io", "true")]
workload = Wire("workload-api")
server = Wire("server-and-agent-api")
agent_channel = grpc.insecure_channel(os.environ["SPIFFE_ENDPOINT_SOCKET"])
server_channel = grpc.insecure_channel("unix://" + os.environ["SERVER_SOCKET"])
api = workload.stub(agent_channel, "SpiffeWorkloadAPI")
bundles = server.stub(server_channel, "spire.api.server.bundle.v1.Bundle")
authorities = server.stub(server_channel, "spire.api.server.localauthority.v1.LocalAuthority")
svids = server.stub(server_channel, "spire.api.server.svid.v1.SVID")
L = "spire.api.server.localauthority.v1."
S = "spire.api.server.svid.v1."


def verify(svid, keys):
    """The claims of a WIT-SVID, whose signature, type and binding to the key that came with it were checked."""
    kid = jwt.get_unverified_header(svid.wit_svid)
    assert kid["typ"] == "wit+jwt" and set(kid) == {"alg", "kid", "typ"}, kid
    claims = jwt.decode(svid.wit_svid, keys[kid["kid"]].key, algorithms=[kid["alg"]],
                        options={"require": ["exp", "sub", "cnf"]})
    assert "aud" not in claims and claims["sub"] == svid.spiffe_id, claims
    private = json.loads(svid.wit_svid_key)
    assert "d" in private and "d" not in claims["cnf"]["jwk"]
    # A proof of possession, as a WIMSE proof token would be: the holder signs, the verifier takes the key of cnf.
    proof = jwt.encode({"jti": "1"}, jwt.PyJWK(private).key, algorithm=private["alg"], headers={"typ": "wpt+jwt"})
    jwt.decode(proof, jwt.PyJWK(claims["cnf"]["jwk"]).key, algorithms=[claims["cnf"]["jwk"]["alg"]])
    return claims, kid["kid"]


def key_set(text):
    keys = json.loads(text)["keys"]
    assert all(key["use"] == "wit-svid" for key in keys), keys
    return {key["kid"]: jwt.PyJWK({**key, "alg": "ES256"}) for key in keys}


def off():
    off = grpc.StatusCode.UNIMPLEMENTED
    assert refused(lambda: api.FetchWITSVID(workload.msg("WITSVIDRequest"), metadata=header)) == (
        off, "fetching WIT-SVIDs is not implemented")
    assert refused(lambda: api.FetchWITBundles(workload.msg("WITBundlesRequest"), metadata=header)) == (
        off, "fetching WIT bundles is not implemented")
    assert refused(lambda: svids.MintWITSVID(server.msg(S + "MintWITSVIDRequest"))) == (
        off, "WIT functionality is disabled")
    for name in ["GetWITAuthorityState", "PrepareWITAuthority", "ActivateWITAuthority", "TaintWITAuthority",
                 "RevokeWITAuthority"]:
        assert refused(lambda: getattr(authorities, name)(server.msg(L + name + "Request"))) == (
            off, "WIT-SVID functionality is not yet implemented"), name


def on():
    bundle_stream = iter(api.FetchWITBundles(workload.msg("WITBundlesRequest"), metadata=header, timeout=60))
    stream = iter(api.FetchWITSVID(workload.msg("WITSVIDRequest"), metadata=header, timeout=60))
    keys = key_set(next(bundle_stream).bundles["spiffe://example.org"])
    first = next(stream).svids
    assert sorted(s.spiffe_id for s in first) == ["spiffe://example.org/second", "spiffe://example.org/workload"]
    assert sorted(s.hint for s in first) == ["", "internal"]
    used = {verify(svid, keys)[1] for svid in first}
    assert len(used) == 1
    one = next(iter(api.FetchWITSVID(workload.msg("WITSVIDRequest", spiffe_id="spiffe://example.org/second"),
                                     metadata=header, timeout=60))).svids
    assert [s.wit_svid for s in one] == [s.wit_svid for s in first if s.spiffe_id.endswith("/second")]
    code, text = refused(lambda: api.FetchWITSVID(
        workload.msg("WITSVIDRequest", spiffe_id="spiffe://example.org/third"), metadata=header, timeout=60))
    assert (code, text) == (grpc.StatusCode.PERMISSION_DENIED, "no identity issued"), (code, text)

    # The keys are not among those for JWT-SVIDs.
    jwks = next(iter(api.FetchJWTBundles(workload.msg("JWTBundlesRequest"), metadata=header, timeout=60)))
    assert not set(keys) & {k["kid"] for k in json.loads(jwks.bundles["spiffe://example.org"])["keys"]}

    # A new authority: known before it signs; what the old one signed is replaced when that is tainted.
    prepared = authorities.PrepareWITAuthority(server.msg(L + "PrepareWITAuthorityRequest")).prepared_authority
    while prepared.authority_id not in keys:
        keys = key_set(next(bundle_stream).bundles["spiffe://example.org"])
    authorities.ActivateWITAuthority(
        server.msg(L + "ActivateWITAuthorityRequest", authority_id=prepared.authority_id))
    old = used.pop()
    authorities.TaintWITAuthority(server.msg(L + "TaintWITAuthorityRequest", authority_id=old))
    second = next(stream).svids
    assert {verify(svid, keys)[1] for svid in second} == {prepared.authority_id}
    assert not {s.wit_svid_key for s in first} & {s.wit_svid_key for s in second}
    authorities.RevokeWITAuthority(server.msg(L + "RevokeWITAuthorityRequest", authority_id=old))
    while old in keys:
        keys = key_set(next(bundle_stream).bundles["spiffe://example.org"])
    assert [k.key_id for k in bundles.GetBundle(server.msg("spire.api.server.bundle.v1.GetBundleRequest"))
            .wit_authorities] == [prepared.authority_id]
    print(prepared.authority_id)


def check(token_path, key_path):
    """What `wit mint` wrote."""
    own = bundles.GetBundle(server.msg("spire.api.server.bundle.v1.GetBundleRequest")).wit_authorities
    from cryptography.hazmat.primitives.serialization import load_der_public_key
    token = open(token_path).read()
    kid = jwt.get_unverified_header(token)["kid"]
    key = next(load_der_public_key(k.public_key) for k in own if k.key_id == kid)
    claims = jwt.decode(token, key, algorithms=["ES256"])
    private = jwt.PyJWK({**json.load(open(key_path)), "alg": "ES256"}).key
    bound = jwt.PyJWK(claims["cnf"]["jwk"]).key
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert private.public_key().public_bytes(*form) == bound.public_bytes(*form)
    assert claims["sub"] == "spiffe://example.org/minted" and claims["iss"] == "wit.example.org", claims
    assert claims["exp"] - claims["iat"] == 60, claims


{"off": off, "on": on, "check": check}[sys.argv[1]](*sys.argv[2:])
print("wit: ok")
