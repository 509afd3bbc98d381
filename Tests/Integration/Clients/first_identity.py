"""py-spiffe fetches, watches and validates: the Workload API as an application in Python sees it."""
import queue

from spiffe import JwtSvid, SpiffeId, TrustDomain, WorkloadApiClient

ID = "spiffe://example.org/workload"
td = TrustDomain("example.org")

with WorkloadApiClient() as client:
    svid = client.fetch_x509_svid()
    assert str(svid.spiffe_id) == ID, svid.spiffe_id
    bundles = client.fetch_x509_bundles()
    bundle = bundles.get_bundle_for_trust_domain(td)
    assert bundle is not None and len(bundle.x509_authorities) >= 1

    context = client.fetch_x509_context()
    assert str(context.default_svid.spiffe_id) == ID

    token = client.fetch_jwt_svid(audience={"db", "cache"})
    assert str(token.spiffe_id) == ID
    assert set(token.audience) == {"db", "cache"}, token.audience
    jwt_bundles = client.fetch_jwt_bundles()
    JwtSvid.parse_and_validate(token.token, jwt_bundles.get_bundle_for_trust_domain(td), {"db"})
    validated = client.validate_jwt_svid(token.token, "cache")
    assert str(validated.spiffe_id) == ID
    try:
        client.validate_jwt_svid(token.token, "other")
        raise SystemExit("a token for another audience was accepted")
    except Exception as error:
        assert "expected audience" in str(error), error
    named = client.fetch_jwt_svid(audience={"db"}, subject=SpiffeId(ID))
    assert str(named.spiffe_id) == ID

    updates = queue.Queue()
    handle = client.stream_x509_contexts(updates.put, lambda error: updates.put(error))
    first = updates.get(timeout=60)
    assert not isinstance(first, Exception), first
    assert str(first.default_svid.spiffe_id) == ID
    handle.cancel()
print("py-spiffe: ok")
