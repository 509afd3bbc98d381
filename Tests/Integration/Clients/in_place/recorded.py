"""Programs of ours on the files of the established implementation: server and agent go on, rotate, and leave files in
which the other one would find its way, as an independent reader judges.
"""
import base64
import json
import os
import re
import shutil
import time

from cryptography import x509

import authorities
import deployment
import tables
import wire

RECORDED_AT = 1_795_291_845
ACTIVE, PREPARED = "1dd515e64959aa19e6bf44838201dcef62c85cf9", "065af83415c75b590f0b977fdb0d14da3d4c7cea"
ORDER = ["svid", "bundle", "reattestable", "bootstrap_use", "bootstrap_start_time", "connection_attempts"]


def what_an_agent_finds(folder):
    """The agent's two files, read as the reference describes them."""
    with open(f"{folder}/agent-data.json", "rb") as file:
        text = file.read()
    data = json.loads(text)
    assert list(data) == ORDER, list(data)
    assert json.dumps(data, separators=(",", ":")).encode() == text.rstrip(b"\n"), "compact JSON"
    assert os.stat(f"{folder}/agent-data.json").st_mode & 0o777 == 0o600
    chain = [x509.load_pem_x509_certificate(base64.b64decode(item)) for item in data["svid"]]
    roots = [x509.load_pem_x509_certificate(base64.b64decode(item)) for item in data["bundle"]]
    keys = authorities.read_keys(f"{folder}/keys.json")
    assert set(keys) <= {"agent-svid-A", "agent-svid-B"}, keys
    of = [name for name, key in keys.items() if authorities.pkix(key) == chain[0].public_key().public_bytes(
        authorities.DER, authorities.SPKI)]
    assert len(of) == 1, "the key of the SVID is in the key file"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)", data["bootstrap_start_time"])
    return data, chain, roots, of[0]


def stored(d):
    return d.json("localauthority", "x509", "show"), d.json("localauthority", "jwt", "show")


if __name__ == "__main__":
    d = deployment.Deployment('ca_ttl = "24h"\n  jwt_issuer = "https://oidc.example.org"')
    source = deployment.TESTDATA + "/upstream/"
    for end in ("", "-wal", "-shm"):
        shutil.copy(source + "datastore-v25.sqlite3" + end, d.database + end)
    shutil.copy(source + "server-keys.json", d.keys)
    shutil.copy(source + "agent-data.json", d.folder + "/a/agent-data.json")
    shutil.copy(source + "agent-keys.json", d.folder + "/a/keys.json")
    for name in ("agent-data.json", "keys.json"):
        os.chmod(f"{d.folder}/a/{name}", 0o600)
    before = {table: tables.rows(tables.connect(d.database), table) for table in tables.TABLES}
    _, chain, _, slot = what_an_agent_finds(d.folder + "/a")
    assert slot == "agent-svid-A"

    # Within the life of the recorded SVIDs. A start, and a stop, change nothing but the tokens that have ended.
    shift = RECORDED_AT + 900 - int(time.time())
    d.shift_clock(shift)
    d.start_server()
    x509_state, jwt_state = stored(d)
    assert (x509_state["active"]["authority_id"], x509_state["prepared"]["authority_id"]) == (ACTIVE, PREPARED)
    assert jwt_state["active"]["authority_id"] == "MSibt0CKzhz7r988XJjnfcPGkw12l2zW"
    assert jwt_state["prepared"]["authority_id"] == "X4RoPNtefgQaiTUfG3cBt8v92KThm2bJ"
    d.stop()
    for table, rows in before.items():
        now = tables.rows(tables.connect(d.database), table)
        assert now == rows, f"{table} changed:\n{rows}\n{now}"
    print("a start and a stop change no row")

    # The agent is the one that was recorded: no token, no attestation; its SVID is renewed in place.
    d.start_server()
    d.start_agent()
    assert d.json("agent", "count")["count"] == 1
    assert "Node attestation was successful" not in d.log("agent")
    deployment.wait("the recorded entries", lambda: "spiffe://example.org/web" in d.log("agent"))
    d.shift_clock(shift + 1500)
    renewed = deployment.wait(
        "a renewed SVID", lambda: what_an_agent_finds(d.folder + "/a")[1][0].serial_number != chain[0].serial_number
        and what_an_agent_finds(d.folder + "/a"), f"{d.folder}/agent.log", 40)
    assert renewed[3] == "agent-svid-B", "a new key goes to the other slot"
    db = tables.connect(d.database)
    node = tables.rows(db, "attested_node_entries")

    def is_activated():
        node = tables.rows(db, "attested_node_entries")[0]
        return node["serial_number"] == str(renewed[1][0].serial_number) and node
    node = deployment.wait("the renewed SVID is the agent's", is_activated, f"{d.folder}/agent.log")
    assert (node["new_serial_number"], node["new_expires_at"], node["id"]) == ("", None, 1), node
    roots = {r.public_bytes(authorities.DER) for r in renewed[2]}
    bundle = wire.exact(wire.BUNDLE, tables.rows(db, "bundles")[0]["data"], "bundle")
    assert roots == {root[1] for root in bundle[2]}
    d.stop("agent")
    print("the agent goes on")

    # Rotation goes on where the journal ends: the prepared authorities become active, others are prepared.
    d.shift_clock(RECORDED_AT + 20 * 3600 + 1800 - int(time.time()))
    now = RECORDED_AT + 20 * 3600 + 1800
    found = deployment.wait(
        "rotation", lambda: (found := authorities.what_a_server_finds(d.database, d.keys, now))["x509"][0][6] == PREPARED
        and found["jwt"][0][4].startswith("X4Ro") and found["x509"][1] and found["x509"][1][6] != ACTIVE
        and found["jwt"][1] and found["jwt"][1][6] == wire.PREPARED and found, f"{d.folder}/server.log", 60)
    assert found["row"] == 1 and len(tables.rows(db, "ca_journals")) == 1
    assert [(e[1], e[5]) for e in found["journal"][1]] == [
        ("A", wire.OLD), ("B", wire.ACTIVE), ("A", wire.PREPARED)], found["journal"][1]
    assert tables.rows(db, "ca_journals")[0]["active_x509_authority_id"] == PREPARED
    assert [(e[1], e[6]) for e in found["journal"][2]] == [("A", wire.OLD), ("B", wire.ACTIVE), ("A", wire.PREPARED)]
    d.stop()
    end = tables.connect(d.database)
    tables.check_schema(end)
    tables.check_rows(end)
    for table in ("registered_entries", "selectors", "dns_names", "federated_trust_domains"):
        assert tables.rows(end, table) == before[table], table
    bundle = wire.exact(wire.BUNDLE, tables.rows(end, "bundles")[0]["data"], "bundle")
    assert [authorities.authority_id(x509.load_der_x509_certificate(r[1]).public_key()) for r in bundle[2]][:2] == [
        ACTIVE, PREPARED] and len(bundle[2]) == 3 and len(bundle[3]) == 3
    with open(d.keys) as file:
        assert set(json.load(file)["keys"]) == {"x509-CA-A", "x509-CA-B", "JWT-Signer-A", "JWT-Signer-B"}
    assert os.stat(d.keys).st_mode & 0o777 == 0o600
    print("the journal goes on")
