"""Does again what was done when the datastore of the established implementation was recorded, with programs of ours, and
compares the two files: schema text, every row of every table, every blob, the counters of the row ids.

Set apart, each explicitly below: random values (entry ids, tokens, serial numbers, keys, authority ids) and times.
"""
import base64
import json
import re
import shutil
import sys

from cryptography.hazmat.primitives import serialization

import authorities
import deployment
import tables
import wire

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# Where a value is a time of its own: created_at and updated_at of every row, and these.
DAY = 86400


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def document(bundle):
    """The JWKS document from which a stored bundle was made."""
    keys = [{"kty": "EC", "use": "x509-svid", "crv": "P-256", "x5c": [base64.b64encode(root[1]).decode()],
             **point(authorities.x509.load_der_x509_certificate(root[1]).public_key())} for root in bundle[2]]
    keys += [{"kty": "EC", "use": "jwt-svid", "crv": "P-256", "kid": key[2],
              **point(serialization.load_der_public_key(key[1]))} for key in bundle[3]]
    return json.dumps({"keys": keys, "spiffe_sequence": bundle[5]})


def point(key):
    numbers = key.public_numbers()
    return {"x": b64(numbers.x.to_bytes(32, "big")), "y": b64(numbers.y.to_bytes(32, "big"))}


def do_again(d, partner):
    """The operations, in their order."""
    d.start_server()
    token = d.json("token", "generate", "-spiffeID", "spiffe://example.org/host")["value"]
    d.start_agent(token)
    db = tables.connect(d.database)
    deployment.wait("the agent told its version", lambda: len(tables.rows(db, "attested_node_entries_events")) >= 3)
    path = f"{d.folder}/partner.json"
    with open(path, "w") as file:
        file.write(partner)
    d.command("bundle", "set", "-id", "partner.test", "-format", "spiffe", "-path", path)

    def create(name, *arguments):
        return d.json("entry", "create", "-spiffeID", f"spiffe://example.org{name}", *arguments)["results"][0]["entry"]["id"]

    below = ("-parentID", "spiffe://example.org/host")
    web_fields = (*below, "-selector", "unix:uid:0", "-x509SVIDTTL", "600", "-jwtSVIDTTL", "120", "-dns",
                  "web.example.org", "-dns", "www.example.org", "-federatesWith", "partner.test", "-hint", "internal")
    web = create("/web", *web_fields)
    create("/admin", *below, "-selector", "unix:uid:0", "-admin")
    create("/down", *below, "-selector", "unix:uid:4242", "-downstream")
    create("/stored", *below, "-selector", "unix:uid:4243", "-selector", "unix:gid:12", "-storeSVID", "-entryExpiry",
           "2110651845")
    create("/cluster", "-node", "-selector", "x509pop:ca:cn:test", "-selector", "x509pop:san:key:value")
    d.command("token", "generate", "-ttl", str(10 * DAY))
    d.command("token", "generate", "-ttl", str(10 * DAY), "-spiffeID", "spiffe://example.org/later")
    d.command("federation", "create", "-trustDomain", "partner.test", "-bundleEndpointURL",
              "https://partner.test/bundle", "-bundleEndpointProfile", "https_web")
    d.command("federation", "create", "-trustDomain", "spiffe.test", "-bundleEndpointURL", "https://spiffe.test:8443",
              "-bundleEndpointProfile", "https_spiffe", "-endpointSpiffeID", "spiffe://spiffe.test/spire/server")
    d.command("localauthority", "x509", "prepare")
    d.command("localauthority", "jwt", "prepare")
    create("/new", *below, "-selector", "unix:uid:77")
    create("/new2", *below, "-selector", "unix:uid:78")
    assert d.run("entry", "create", "-spiffeID", "spiffe://example.org/web", *below, "-selector",
                 "unix:uid:0").returncode == 1
    d.command("entry", "update", "-entryID", web, "-spiffeID", "spiffe://example.org/web", *below, "-selector",
              "unix:uid:0", "-hint", "external")
    d.command("token", "generate")
    d.command("token", "generate", "-output", "json")
    d.command("entry", "update", "-entryID", web, "-spiffeID", "spiffe://example.org/web", *web_fields)
    d.stop("agent")
    d.stop("server")


def seconds(text):
    import datetime
    moment = datetime.datetime.fromisoformat(re.sub(r"\.\d+", "", text))
    return int(moment.timestamp())


class Normal:
    """A datastore with the random values and times replaced by what must be the same on both sides."""

    def __init__(self, path):
        self.db = tables.connect(path)
        tables.check_schema(self.db)
        tables.check_rows(self.db)
        self.names = {}
        # Random ids get a name by the row in which they are first found, so that references stay comparable.
        for row in tables.rows(self.db, "attested_node_entries"):
            self.name(UUID.search(row["spiffe_id"])[0], f"<token of agent {row['id']}>")
        for row in tables.rows(self.db, "join_tokens"):
            self.name(row["token"], f"<token {row['id']}>")
        for row in tables.rows(self.db, "registered_entries"):
            self.name(row["entry_id"], f"<entry {row['id']}>")
        journal = wire.decode(wire.JOURNAL, tables.rows(self.db, "ca_journals")[0]["data"])
        self.issued = {}
        for number, entry in enumerate(journal[1]):
            self.name(entry[6], f"<X.509 authority {number}>")
            self.name(entry[3], f"<certificate {number}>")
        for number, entry in enumerate(journal[2]):
            self.name(entry[4], f"<JWT authority {number}>")
            self.name(entry[5], f"<JWT key {number}>")

    def name(self, value, name):
        assert value not in self.names, value
        self.names[value] = name

    def plain(self, value):
        """A value without the random parts."""
        if isinstance(value, dict):
            return {key: self.plain(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.plain(item) for item in value]
        if isinstance(value, bytes):
            return self.names.get(value, value)
        if isinstance(value, str):
            return UUID.sub(lambda found: self.names.get(found[0], found[0]), self.names.get(value, value))
        return value

    def rows(self, table):
        result = []
        for row in tables.rows(self.db, table):
            row["updated since"] = row.pop("created_at") != row.pop("updated_at")
            result.append(getattr(self, table, self.plain)(row))
        return result

    def attested_node_entries(self, row):
        assert re.fullmatch(r"[1-9]\d{30,39}", row["serial_number"]), row["serial_number"]
        row["serial_number"] = "<serial>"
        assert re.fullmatch(r"[-0-9]{10} [:0-9]{8}\+00:00", row["expires_at"]), "whole seconds"
        row["expires_at"] = "<time>"
        return self.plain(row)

    def join_tokens(self, row):
        created = self.db.execute("SELECT created_at FROM join_tokens WHERE id = ?", [row["id"]]).fetchone()[0]
        ttl = row["expiry"] - seconds(created)
        row["expiry"] = min([600, 10 * DAY], key=lambda wanted: abs(wanted - ttl))
        assert abs(row["expiry"] - ttl) <= 1, ttl
        return self.plain(row)

    def bundles(self, row):
        if row["trust_domain"] == "spiffe://example.org":
            bundle = wire.decode(wire.BUNDLE, row["data"])
            journal = wire.decode(wire.JOURNAL, tables.rows(self.db, "ca_journals")[0]["data"])
            for key, entry in zip(bundle[3], journal[2], strict=True):
                assert key[3] == entry[3], "a JWT key's end in bundle and journal"
                key[3] = "<end>"
            row["data"] = bundle
        # The partner's bundle was given: it must be the same to the byte.
        return self.plain(row)

    def ca_journals(self, row):
        journal = wire.decode(wire.JOURNAL, row["data"])
        for entry, begin, end in [(e, 2, 7) for e in journal[1]] + [(e, 2, 3) for e in journal[2]]:
            entry[end] -= entry[begin]
            assert DAY - 1 <= entry[end] <= DAY, entry[end]
            entry[begin] = entry[end] = "<time>"
        row["data"] = journal
        return self.plain(row)


def compare(recorded, ours):
    text = "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master ORDER BY rowid"
    schema = [[tuple(row) for row in side.db.execute(text)] for side in (recorded, ours)]
    assert schema[0] == schema[1], "the schema's text"
    # The columns by which blobs are stored, beyond their decoded content: tables.check_rows has made sure that each blob
    # is what a canonical encoder makes of that content.
    differences = []
    for table in list(tables.TABLES) + [tables.LINKS, "sqlite_sequence"]:
        if table in tables.TABLES:
            sides = [side.rows(table) for side in (recorded, ours)]
        else:
            sides = [sorted(tuple(row) for row in side.db.execute(f"SELECT * FROM {table}"))
                     for side in (recorded, ours)]
        if sides[0] != sides[1]:
            differences.append(f"{table}:\n  recorded {sides[0]}\n  ours     {sides[1]}")
        print(f"{table}: {len(sides[0])} rows")
    assert not differences, "\n".join(differences)


if __name__ == "__main__":
    d = deployment.Deployment('ca_ttl = "24h"\n  jwt_issuer = "https://oidc.example.org"')
    copy = f"{d.folder}/recorded.sqlite3"
    for end in ("", "-wal"):
        shutil.copy(f"{deployment.TESTDATA}/upstream/datastore-v25.sqlite3{end}", copy + end)
    recorded = Normal(copy)
    partner = next(row for row in tables.rows(recorded.db, "bundles") if row["id"] == 2)
    do_again(d, document(wire.decode(wire.BUNDLE, partner["data"])))
    compare(recorded, Normal(d.database))
    print("the same")
    sys.exit(0)
