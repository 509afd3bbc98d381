"""A server of ours on a datastore and keys that were written by hand as the reference says: it must read every column,
go on with the authorities, and write, column by column, what the reference says; a server of another implementation
must find its way in what ours leaves behind.
"""
import os

from cryptography import x509

import authorities
import deployment
import tables
import wire
import writer
from writer import AGENT, IDS, TD


def text(spiffe_id):
    return f"spiffe://{spiffe_id['trust_domain']}{spiffe_id['path']}"


def reads_every_column(d, written):
    """What the API shows of each row."""
    found = {e["id"]: e for e in d.json("entry", "show")["entries"]}
    # The entry that had ended may be pruned at any time.
    found.pop(IDS["expired"], None)
    assert set(found) == {IDS[name] for name in IDS if name != "expired"}, found.keys()
    full = dict(found[IDS["full"]])
    created = full.pop("created_at")
    assert created == "1795291845", created
    assert {**full, "selectors": sorted(s["value"] for s in full["selectors"])} == {
        "id": IDS["full"], "spiffe_id": {"trust_domain": "example.org", "path": "/full"},
        "parent_id": {"trust_domain": "example.org", "path": "/host"}, "selectors": ["path:/bin/a:b", "uid:0"],
        "x509_svid_ttl": 600, "jwt_svid_ttl": 120, "admin": True, "downstream": False, "hint": "internal",
        "revision_number": "12", "expires_at": str(written.now + 86400), "federates_with": ["partner.test"],
        "dns_names": ["web.example.org", "www.example.org"], "store_svid": False,
        "additional_attributes": {"disable_x509_svid_prefetch": True, "jwt_svid_include_jti": True},
    }, full
    assert "additional_attributes" not in found[IDS["plain"]], found[IDS["plain"]]
    assert found[IDS["down"]]["downstream"] and found[IDS["stored"]]["store_svid"]
    assert found[IDS["down"]]["additional_attributes"] == {
        "disable_x509_svid_prefetch": False, "jwt_svid_include_jti": True}
    assert text(found[IDS["alias"]]["parent_id"]) == TD + "/spire/server"

    agents = {text(a["id"]): a for a in d.json("agent", "list")["agents"]}
    assert len(agents) == 3
    first = agents[AGENT]
    assert first["x509svid_serial_number"] == "339638746004655794257960729321956709056", first
    assert first["x509svid_expires_at"] == str(written.now + 3600) and first["can_reattest"], first
    assert agents[TD + "/spire/agent/x509pop/banned"]["banned"]
    assert first.get("agent_version", "") == ("1.14.2" if written.version >= 24 else ""), first
    shown = d.json("agent", "show", "-spiffeID", AGENT)
    assert sorted(s["value"] for s in shown["selectors"]) == ["ca:cn:test", "san:key:value"], shown

    own = d.json("bundle", "show")
    assert own["sequence_number"] == "41", own
    assert [(a["tainted"]) for a in own["x509_authorities"]] == [True, False, False], own
    assert [k["key_id"] for k in own["jwt_authorities"]] == [written.jwt.kid, written.next_jwt.kid]
    partner = d.json("bundle", "list", "-id", "partner.test")
    assert partner["sequence_number"] == "7" and partner["refresh_hint"] == "300", partner
    relations = {r["trust_domain"]: r for r in d.json("federation", "list")["federation_relationships"]}
    assert "https_web" in relations["partner.test"], relations
    assert relations["spiffe.test"]["https_spiffe"]["endpoint_spiffe_id"] == "spiffe://spiffe.test/spire/server"

    state = d.json("localauthority", "x509", "show")
    assert state["active"]["authority_id"] == written.active.id, state
    assert state["prepared"]["authority_id"] == written.prepared.id, state
    state = d.json("localauthority", "jwt", "show")
    assert (state["active"]["authority_id"], state["prepared"]["authority_id"]) == (
        written.jwt.kid, written.next_jwt.kid), state


def serves(d, written):
    """The token that was written attests an agent of ours; what its workload gets is signed by the CA that was written."""
    late = d.run("explain", "-spiffeID", TD + "/plain")
    assert late.returncode == 0, late.stderr
    d.command("entry", "create", "-spiffeID", TD + "/workload", "-parentID", TD + "/host", "-selector",
              f"unix:uid:{os.getuid()}", "-federatesWith", "partner.test")
    d.start_agent("written-token")
    out = f"{d.folder}/out"
    os.mkdir(out)

    def fetched():
        done = d.fetch("x509", "-write", out)
        return done.returncode == 0 and "/workload" in done.stdout

    deployment.wait("an identity", fetched, f"{d.folder}/agent.log")
    leaves = []
    for name in os.listdir(out):
        if name.startswith("svid.") and name.endswith(".pem"):
            with open(f"{out}/{name}", "rb") as file:
                leaves.append(x509.load_pem_x509_certificate(file.read()))
    assert leaves
    for leaf in leaves:
        leaf.verify_directly_issued_by(written.active.certificate)
    db = tables.connect(d.database)
    assert [row["token"] for row in tables.rows(db, "join_tokens")] == ["late-token"], "tokens are used once"
    deployment.wait("the agent told its version",
                    lambda: tables.rows(db, "attested_node_entries")[-1]["agent_version"] == "1.15.3")
    agent = tables.rows(db, "attested_node_entries")[-1]
    assert agent["spiffe_id"] == written.alias_parent and agent["data_type"] == "join_token", agent
    assert (agent["can_reattest"], agent["new_serial_number"], agent["new_expires_at"]) == (0, "", None), agent


def writes_every_column(d, written):
    """Each kind of write of ours, read back from the tables."""
    db = tables.connect(d.database)

    def row(table, **where):
        (name, value), = where.items()
        found = [r for r in tables.rows(db, table) if r[name] == value]
        assert len(found) == 1, (table, where, found)
        return found[0]

    made = d.json(
        "entry", "create", "-spiffeID", TD + "/made", "-parentID", TD + "/host", "-selector", "unix:uid:7",
        "-selector", "unix:gid:8", "-x509SVIDTTL", "61", "-jwtSVIDTTL", "62", "-admin", "-downstream",
        "-entryExpiry", "2110651845", "-hint", "h", "-dns", "b.example.org", "-dns", "a.example.org", "-federatesWith",
        "partner.test", "-disableX509SVIDPrefetch", "-entryID", "my-own-id")
    made = made["results"][0]
    assert made["status"]["code"] == 0, made
    entry = row("registered_entries", entry_id="my-own-id")
    assert {k: v for k, v in entry.items() if k not in ("id", "created_at", "updated_at")} == {
        "entry_id": "my-own-id", "spiffe_id": TD + "/made", "parent_id": TD + "/host", "ttl": 61, "admin": 1,
        "downstream": 1, "expiry": 2110651845, "revision_number": 0, "store_svid": 0, "hint": "h", "jwt_svid_ttl": 62,
        "additional_attributes": b"\x08\x01"}, entry
    assert entry["created_at"] == entry["updated_at"]
    mine = [(r["type"], r["value"]) for r in tables.rows(db, "selectors") if r["registered_entry_id"] == entry["id"]]
    assert sorted(mine) == [("unix", "gid:8"), ("unix", "uid:7")], mine
    names = [r["value"] for r in tables.rows(db, "dns_names") if r["registered_entry_id"] == entry["id"]]
    assert names == ["b.example.org", "a.example.org"], names
    links = [r["bundle_id"] for r in tables.rows(db, tables.LINKS) if r["registered_entry_id"] == entry["id"]]
    assert links == [2], links
    assert tables.rows(db, "registered_entries_events")[-1]["entry_id"] == "my-own-id"

    d.command("entry", "update", "-entryID", "my-own-id", "-spiffeID", TD + "/made", "-parentID", TD + "/host",
              "-selector", "unix:uid:9", "-jwtSVIDIncludeJTI", "-disableX509SVIDPrefetch=false")
    entry = row("registered_entries", entry_id="my-own-id")
    assert (entry["revision_number"], entry["ttl"], entry["admin"], entry["hint"]) == (1, 0, 0, ""), entry
    assert entry["additional_attributes"] == b"\x10\x01", entry
    assert not [r for r in tables.rows(db, tables.LINKS) if r["registered_entry_id"] == entry["id"]]
    d.command("entry", "delete", "-entryID", "my-own-id")
    assert not [r for r in tables.rows(db, "registered_entries") if r["entry_id"] == "my-own-id"]
    assert [r["entry_id"] for r in tables.rows(db, "registered_entries_events")][-3:] == ["my-own-id"] * 3

    d.command("entry", "create", "-spiffeID", TD + "/kept", "-parentID", TD + "/host", "-selector", "aws:name:y",
              "-storeSVID")
    entry = row("registered_entries", spiffe_id=TD + "/kept")
    assert (entry["store_svid"], entry["additional_attributes"]) == (1, None), entry

    token = d.json("token", "generate", "-spiffeID", TD + "/other", "-ttl", "77")
    stored = row("join_tokens", token=token["value"])
    assert str(stored["expiry"]) == token["expires_at"], stored
    parent = f"{TD}/spire/agent/join_token/{token['value']}"
    alias = row("registered_entries", parent_id=parent)
    assert (alias["spiffe_id"], alias["additional_attributes"]) == (TD + "/other", None), alias
    assert [(r["type"], r["value"]) for r in tables.rows(db, "selectors")
            if r["registered_entry_id"] == alias["id"]] == [("spiffe_id", parent)]

    d.command("federation", "create", "-trustDomain", "third.test", "-bundleEndpointURL", "https://127.0.0.1:1/c",
              "-bundleEndpointProfile", "https_spiffe", "-endpointSpiffeID", "spiffe://third.test/s")
    relation = row("federated_trust_domains", trust_domain="third.test")
    assert (relation["bundle_endpoint_url"], relation["bundle_endpoint_profile"], relation["endpoint_spiffe_id"],
            relation["implicit"]) == ("https://127.0.0.1:1/c", "https_spiffe", "spiffe://third.test/s", 0), relation
    d.command("federation", "delete", "-id", "third.test")
    assert len(tables.rows(db, "federated_trust_domains")) == 2

    path = f"{d.folder}/third.pem"
    third = authorities.Authority("third.test")
    with open(path, "wb") as file:
        file.write(third.certificate.public_bytes(authorities.serialization.Encoding.PEM))
    d.command("bundle", "set", "-id", "third.test", "-path", path)
    stored = row("bundles", trust_domain="spiffe://third.test")
    assert stored["data"] == wire.encode(wire.BUNDLE, {1: "spiffe://third.test", 2: [{1: third.der}]}), stored
    d.command("bundle", "delete", "-id", "third.test")

    d.command("agent", "ban", "-spiffeID", AGENT)
    banned = row("attested_node_entries", spiffe_id=AGENT)
    assert (banned["serial_number"], banned["new_serial_number"]) == ("", ""), banned
    assert tables.rows(db, "attested_node_entries_events")[-1]["spiffe_id"] == AGENT
    d.command("agent", "evict", "-spiffeID", AGENT)
    assert not [r for r in tables.rows(db, "node_resolver_map_entries") if r["spiffe_id"] == AGENT]


def rotates(d, written):
    """The journal that was written goes on: activated, prepared anew, tainted, revoked."""
    found = authorities.what_a_server_finds(d.database, d.keys)
    row = found["row"]
    assert [e[6] for e in found["x509"]] == [written.active.id, written.prepared.id], found
    # The agents that were written run nowhere, so nobody confirms for them.
    d.command("localauthority", "x509", "activate", "-force", "-authorityID", written.prepared.id)
    found = authorities.what_a_server_finds(d.database, d.keys)
    assert found["row"] == row and [e[6] for e in found["x509"]] == [written.prepared.id, written.active.id], found
    assert [(e[1], e[5]) for e in found["journal"][1]] == [("A", wire.OLD), ("B", wire.ACTIVE)]
    d.command("localauthority", "x509", "taint", "-authorityID", written.active.id)
    bundle = wire.decode(wire.BUNDLE, tables.rows(tables.connect(d.database), "bundles")[0]["data"])
    assert [(r[1], r.get(2, False)) for r in bundle[2]][:3] == [
        (written.old.der, True), (written.active.der, True), (written.prepared.der, False)]
    assert bundle[5] == 42, bundle[5]
    d.command("localauthority", "x509", "revoke", "-authorityID", written.active.id)
    bundle = wire.decode(wire.BUNDLE, tables.rows(tables.connect(d.database), "bundles")[0]["data"])
    assert [r[1] for r in bundle[2]] == [written.old.der, written.prepared.der] and bundle[5] == 43, bundle
    new = d.json("localauthority", "x509", "prepare")["prepared_authority"]["authority_id"]
    d.command("localauthority", "jwt", "activate", "-force", "-authorityID", written.next_jwt.kid)
    found = authorities.what_a_server_finds(d.database, d.keys)
    assert [e[6] for e in found["x509"]] == [written.prepared.id, new], found
    assert [e[4] for e in found["jwt"]] == [written.next_jwt.kid, written.jwt.kid], found
    assert [(e[1], e[6], e[5]) for e in found["journal"][1]] == [
        ("A", written.active.id, wire.OLD), ("B", written.prepared.id, wire.ACTIVE), ("A", new, wire.PREPARED)]


if __name__ == "__main__":
    d = deployment.Deployment()
    written = writer.Written(d.database, d.keys)
    d.start_server()
    for step in (reads_every_column, serves, writes_every_column, rotates):
        step(d, written)
        print(step.__name__)
    d.stop("agent")
    d.stop("server")
    end = tables.connect(d.database)
    tables.check_schema(end)
    tables.check_rows(end)
    # Once more, from what ours left: the same authorities.
    found = authorities.what_a_server_finds(d.database, d.keys)
    d.start_server()
    state = d.json("localauthority", "x509", "show")
    assert [state["active"]["authority_id"], state["prepared"]["authority_id"]] == [e[6] for e in found["x509"]], state
    d.stop("server")
    print("all columns as the reference says")
