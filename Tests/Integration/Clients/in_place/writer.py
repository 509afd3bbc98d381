"""A second writer of the datastore: rows of every kind, written as the reference says, in a database of its own making."""
import time

import authorities
import tables
import wire

TD = "spiffe://example.org"
AGENT = TD + "/spire/agent/x509pop/9d2f"
IDS = {name: f"{number:08d}-0000-4000-8000-000000000000" for number, name in enumerate(
    ["full", "plain", "down", "stored", "alias", "expired", "child"], 1)}


def instant(seconds):
    return time.strftime("%Y-%m-%d %H:%M:%S+00:00", time.gmtime(seconds))


class Written:
    """What was written, for those who compare."""

    def __init__(self, database, keys_path, version=25, code_version="1.15.3"):
        self.version = version
        self.db = tables.create(database, version, code_version)
        self.now = int(time.time())
        self.active, self.prepared, self.old = (authorities.Authority() for _ in range(3))
        self.jwt, self.next_jwt = authorities.JWTKey("a" * 32), authorities.JWTKey("b" * 32)
        self.partner = authorities.Authority("partner.test")
        authorities.write_keys(keys_path, {
            "x509-CA-A": self.active.key, "x509-CA-B": self.prepared.key, "JWT-Signer-A": self.jwt.key,
            "JWT-Signer-B": self.next_jwt.key})
        self.bundles()
        self.journals()
        self.agents()
        self.entries()
        self.federation_and_tokens()
        self.db.commit()
        if version == 25:
            tables.check_schema(self.db)
            tables.check_rows(self.db)

    def bundles(self):
        own = {1: TD, 2: [{1: self.old.der, 2: True}, {1: self.active.der}, {1: self.prepared.der}],
               3: [self.jwt.listed, self.next_jwt.listed], 5: 41}
        partner = {1: "spiffe://partner.test", 2: [{1: self.partner.der}], 4: 300, 5: 7}
        self.own_bundle, self.partner_bundle = own, partner
        for bundle in (own, partner):
            tables.insert(self.db, "bundles", trust_domain=bundle[1], data=wire.encode(wire.BUNDLE, bundle))

    def journals(self):
        journal = {1: [self.active.entry("A", wire.ACTIVE), self.prepared.entry("B", wire.PREPARED)],
                   2: [self.jwt.entry("A", wire.ACTIVE), self.next_jwt.entry("B", wire.PREPARED)]}
        # Another server's journal comes first: a server finds its own by its keys.
        other = authorities.Authority()
        for data in ({1: [other.entry("A", wire.ACTIVE)]}, journal):
            tables.insert(self.db, "ca_journals", data=wire.encode(wire.JOURNAL, data),
                          active_x509_authority_id=data[1][0][6], active_jwt_authority_id="")

    def agents(self):
        def agent(path, serial, **more):
            values = {"spiffe_id": TD + path, "data_type": "x509pop", "serial_number": serial,
                      "expires_at": instant(self.now + 3600), "new_serial_number": "", "new_expires_at": None,
                      "can_reattest": 1, "agent_version": "1.14.2", **more}
            if self.version < 24:
                del values["agent_version"]
            tables.insert(self.db, "attested_node_entries", **values)
            tables.insert(self.db, "attested_node_entries_events", spiffe_id=TD + path)

        agent("/spire/agent/x509pop/9d2f", "339638746004655794257960729321956709056")
        agent("/spire/agent/x509pop/banned", "")
        agent("/spire/agent/x509pop/renewed", "17", new_serial_number="18",
              new_expires_at=instant(self.now + 7200), can_reattest=0)
        for kind, value in [("x509pop", "ca:cn:test"), ("x509pop", "san:key:value")]:
            tables.insert(self.db, "node_resolver_map_entries", spiffe_id=AGENT, type=kind, value=value)

    def entries(self):
        host = TD + "/host"
        self.entry("full", TD + "/full", host, ["unix:uid:0", "unix:path:/bin/a:b"], ttl=600, jwt_svid_ttl=120, admin=1,
                   hint="internal", revision_number=12, expiry=self.now + 86400, federated=True,
                   dns=["web.example.org", "www.example.org"],
                   additional_attributes=wire.encode(wire.ATTRIBUTES, {1: True, 2: True}))
        self.entry("plain", TD + "/plain", host, ["unix:uid:1"])
        self.entry("down", TD + "/down", host, ["unix:uid:2"], downstream=1,
                   additional_attributes=wire.encode(wire.ATTRIBUTES, {2: True}))
        self.entry("stored", TD + "/stored", host, ["aws:name:x"], store_svid=1, additional_attributes=b"")
        self.entry("alias", host, TD + "/spire/server", ["x509pop:ca:cn:test"])
        self.entry("expired", TD + "/expired", host, ["unix:uid:3"], expiry=self.now - 100)
        self.entry("child", TD + "/child", TD + "/plain", ["unix:uid:4"])

    def entry(self, name, spiffe_id, parent, selectors, dns=(), federated=False, **more):
        values = {"entry_id": IDS[name], "spiffe_id": spiffe_id, "parent_id": parent, "ttl": 0, "admin": 0,
                  "downstream": 0, "expiry": 0, "revision_number": 0, "store_svid": 0, "hint": "", "jwt_svid_ttl": 0,
                  "additional_attributes": None, **more}
        if self.version < 25:
            del values["additional_attributes"]
        row = tables.insert(self.db, "registered_entries", **values)
        for selector in selectors:
            kind, value = selector.split(":", 1)
            tables.insert(self.db, "selectors", registered_entry_id=row, type=kind, value=value)
        for value in dns:
            tables.insert(self.db, "dns_names", registered_entry_id=row, value=value)
        if federated:
            self.db.execute(f"INSERT INTO {tables.LINKS} VALUES (2, ?)", [row])
        tables.insert(self.db, "registered_entries_events", entry_id=IDS[name])

    def federation_and_tokens(self):
        tables.insert(self.db, "federated_trust_domains", trust_domain="partner.test",
                      bundle_endpoint_url="https://127.0.0.1:1/b", bundle_endpoint_profile="https_web",
                      endpoint_spiffe_id="", implicit=0)
        tables.insert(self.db, "federated_trust_domains", trust_domain="spiffe.test",
                      bundle_endpoint_url="https://127.0.0.1:1", bundle_endpoint_profile="https_spiffe",
                      endpoint_spiffe_id="spiffe://spiffe.test/spire/server", implicit=0)
        tables.insert(self.db, "join_tokens", token="written-token", expiry=self.now + 600)
        tables.insert(self.db, "join_tokens", token="late-token", expiry=self.now - 1)
        # An alias as the token's command makes it.
        self.alias_parent = TD + "/spire/agent/join_token/written-token"
        IDS["token"] = "00000009-0000-4000-8000-000000000000"
        self.entry("token", TD + "/host", self.alias_parent, ["spiffe_id:" + self.alias_parent])
