"""The datastore's tables as the reference describes them (schema version 25), in SQL of our own, and the rules that
every row must keep. Nothing here comes from the program under test."""
import re
import sqlite3

import wire

TEXT, TIME, BOOL, NUMBER, BLOB = "varchar(255)", "datetime", "bool", "integer", "blob"
STAMPS = [("created_at", TIME), ("updated_at", TIME)]
TABLES = {
    "migrations": [("version", NUMBER), ("code_version", TEXT)],
    "bundles": [("trust_domain", TEXT + " NOT NULL"), ("data", BLOB)],
    "attested_node_entries": [
        ("spiffe_id", TEXT), ("data_type", TEXT), ("serial_number", TEXT), ("expires_at", TIME),
        ("new_serial_number", TEXT), ("new_expires_at", TIME), ("can_reattest", BOOL), ("agent_version", TEXT)],
    "attested_node_entries_events": [("spiffe_id", TEXT)],
    "node_resolver_map_entries": [("spiffe_id", TEXT), ("type", TEXT), ("value", TEXT)],
    "registered_entries": [
        ("entry_id", TEXT), ("spiffe_id", TEXT), ("parent_id", TEXT), ("ttl", NUMBER), ("admin", BOOL),
        ("downstream", BOOL), ("expiry", "bigint"), ("revision_number", "bigint"), ("store_svid", BOOL),
        ("hint", TEXT), ("jwt_svid_ttl", NUMBER), ("additional_attributes", BLOB)],
    "registered_entries_events": [("entry_id", TEXT)],
    "join_tokens": [("token", TEXT), ("expiry", "bigint")],
    "selectors": [("registered_entry_id", NUMBER), ("type", TEXT), ("value", TEXT)],
    "dns_names": [("registered_entry_id", NUMBER), ("value", TEXT)],
    "federated_trust_domains": [
        ("trust_domain", TEXT + " NOT NULL"), ("bundle_endpoint_url", TEXT), ("bundle_endpoint_profile", TEXT),
        ("endpoint_spiffe_id", TEXT), ("implicit", BOOL)],
    "ca_journals": [("data", BLOB), ("active_x509_authority_id", TEXT), ("active_jwt_authority_id", TEXT)],
}
ADDED = {24: ("attested_node_entries", "agent_version"), 25: ("registered_entries", "additional_attributes")}
# Name: unique?, table, columns.
INDEXES = {
    "uix_bundles_trust_domain": (True, "bundles", "trust_domain"),
    "uix_attested_node_entries_spiffe_id": (True, "attested_node_entries", "spiffe_id"),
    "uix_registered_entries_entry_id": (True, "registered_entries", "entry_id"),
    "uix_join_tokens_token": (True, "join_tokens", "token"),
    "uix_federated_trust_domains_trust_domain": (True, "federated_trust_domains", "trust_domain"),
    "idx_node_resolver_map": (True, "node_resolver_map_entries", "spiffe_id,type,value"),
    "idx_selector_entry": (True, "selectors", "registered_entry_id,type,value"),
    "idx_dns_entry": (True, "dns_names", "registered_entry_id,value"),
    "idx_attested_node_entries_expires_at": (False, "attested_node_entries", "expires_at"),
    "idx_registered_entries_spiffe_id": (False, "registered_entries", "spiffe_id"),
    "idx_registered_entries_parent_id": (False, "registered_entries", "parent_id"),
    "idx_registered_entries_expiry": (False, "registered_entries", "expiry"),
    "idx_registered_entries_hint": (False, "registered_entries", "hint"),
    "idx_selectors_type_value": (False, "selectors", "type,value"),
    "idx_ca_journals_active_x509_authority_id": (False, "ca_journals", "active_x509_authority_id"),
    "idx_ca_journals_active_jwt_authority_id": (False, "ca_journals", "active_jwt_authority_id"),
    "idx_federated_registration_entries_registered_entry_id":
        (False, "federated_registration_entries", "registered_entry_id"),
}
LINKS = "federated_registration_entries"
INSTANT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{0,8}[1-9])?\+00:00")


def connect(path):
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    return connection


def create(path, version=25, code_version="1.15.3"):
    """An empty datastore of that schema version."""
    db = connect(path)
    db.execute("PRAGMA journal_mode = WAL")
    for table, columns in TABLES.items():
        later = [name for step, (of, name) in ADDED.items() if of == table and step > version]
        parts = ["id integer PRIMARY KEY AUTOINCREMENT"]
        parts += [f"{name} {kind}" for name, kind in STAMPS + columns if name not in later]
        db.execute(f"CREATE TABLE {table} ({', '.join(parts)})")
    db.execute(f"CREATE TABLE {LINKS} (bundle_id integer, registered_entry_id integer, "
               "PRIMARY KEY (bundle_id, registered_entry_id))")
    for name, (unique, table, columns) in INDEXES.items():
        db.execute(f"CREATE {'UNIQUE ' if unique else ''}INDEX {name} ON {table}({columns})")
    insert(db, "migrations", version=version, code_version=code_version)
    db.commit()
    return db


def insert(db, table, at="2026-11-21 20:10:45.123456789+00:00", **values):
    values = {"created_at": at, "updated_at": at, **values}
    return db.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",
                      list(values.values())).lastrowid


def rows(db, table):
    return [dict(row) for row in db.execute(f"SELECT * FROM {table} ORDER BY rowid")]


def check_schema(db, version=25):
    """Every table, column, type and index of the reference, and no others."""
    found = {row["name"] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert found == set(TABLES) | {LINKS, "sqlite_sequence"}, found
    for table, columns in TABLES.items():
        later = [name for step, (of, name) in ADDED.items() if of == table and step > version]
        wanted = [("id", "integer", 0, 1)] + [
            (name, kind.removesuffix(" NOT NULL"), int("NOT NULL" in kind), 0)
            for name, kind in STAMPS + columns if name not in later]
        info = [(c["name"], c["type"].lower(), c["notnull"], c["pk"]) for c in db.execute(f"PRAGMA table_info({table})")]
        assert [(n, k.lower(), x, p) for n, k, x, p in wanted] == info, (table, info)
    indexes = {}
    for row in db.execute("SELECT name, tbl_name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"):
        columns = ",".join(c["name"] for c in db.execute(f"PRAGMA index_info({row['name']})"))
        unique = {c["name"]: bool(c["unique"]) for c in db.execute(f"PRAGMA index_list({row['tbl_name']})")}
        indexes[row["name"]] = (unique[row["name"]], row["tbl_name"], columns)
    assert indexes == INDEXES, set(indexes.items()) ^ set(INDEXES.items())
    assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def check_rows(db):
    """The forms of the values: times, booleans, empty texts, NULL only where the reference says so, blobs to the byte."""
    nullable = {("attested_node_entries", "new_expires_at"), ("registered_entries", "additional_attributes")}
    for table, columns in TABLES.items():
        for row in rows(db, table):
            where = f"{table} {row['id']}"
            for name, kind in STAMPS + columns:
                value, kind = row[name], kind.removesuffix(" NOT NULL")
                if value is None:
                    assert (table, name) in nullable, f"{where}: {name} is NULL"
                elif kind == TIME:
                    assert isinstance(value, str) and INSTANT.fullmatch(value), f"{where}: {name} is {value!r}"
                elif kind == TEXT:
                    assert isinstance(value, str), f"{where}: {name} is {value!r}"
                elif kind == BOOL:
                    assert value in (0, 1) and isinstance(value, int), f"{where}: {name} is {value!r}"
                elif kind == BLOB:
                    assert isinstance(value, bytes), f"{where}: {name} is {value!r}"
                else:
                    assert isinstance(value, int), f"{where}: {name} is {value!r}"
    for row in rows(db, "bundles"):
        bundle = wire.exact(wire.BUNDLE, row["data"], f"bundle {row['id']}")
        assert bundle[1] == row["trust_domain"] and row["trust_domain"].startswith("spiffe://"), row["trust_domain"]
    for row in rows(db, "ca_journals"):
        journal = wire.exact(wire.JOURNAL, row["data"], f"journal {row['id']}")
        active = [ca[6] for ca in journal.get(1, []) if ca[5] == wire.ACTIVE]
        assert active == [row["active_x509_authority_id"]], (active, row["active_x509_authority_id"])
        assert row["active_jwt_authority_id"] == ""
    for row in rows(db, "registered_entries"):
        if row["additional_attributes"] is not None:
            wire.exact(wire.ATTRIBUTES, row["additional_attributes"], f"entry {row['id']}")
    for table, column in [("selectors", "registered_entry_id"), ("dns_names", "registered_entry_id"),
                          (LINKS, "registered_entry_id")]:
        lost = db.execute(f"SELECT * FROM {table} WHERE {column} NOT IN (SELECT id FROM registered_entries)").fetchall()
        assert not lost, f"{table}: {len(lost)} rows of no entry"
    for row in rows(db, "federated_trust_domains"):
        assert not row["trust_domain"].startswith("spiffe://") and row["bundle_endpoint_profile"] in (
            "https_web", "https_spiffe"), row
    assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
