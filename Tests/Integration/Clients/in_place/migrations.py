"""Datastores of schema versions 23 and 24 that a second writer made: migrated, used as they are, or refused."""
import deployment
import second_writer
import tables
import wire
import writer

ROWS = [table for table in tables.TABLES if table not in ("migrations", "registered_entries_events", "join_tokens")]


def content(db):
    """All rows, but for what a start may add: pruned entries and their events, and the columns of later versions."""
    found = {}
    for table in ROWS:
        later = {name for of, name in tables.ADDED.values() if of == table}
        found[table] = [{k: v for k, v in row.items() if k not in later} for row in tables.rows(db, table)]
    expired = {row["id"] for row in found["registered_entries"] if row["entry_id"] == writer.IDS["expired"]}
    found["registered_entries"] = [r for r in found["registered_entries"] if r["id"] not in expired]
    found["selectors"] = [r for r in found["selectors"] if r["registered_entry_id"] not in expired]
    return found


def state(d):
    return [tuple(row) for row in tables.connect(d.database).execute("SELECT version, code_version FROM migrations")]


def fresh(version, code_version, options=""):
    d = deployment.Deployment(datastore_options=options)
    return d, writer.Written(d.database, d.keys, version, code_version)


def migrates(version):
    d, written = fresh(version, "1.13.2")
    before = content(written.db)
    d.start_server()
    assert state(d) == [(25, "1.15.3")], state(d)
    db = tables.connect(d.database)
    tables.check_schema(db)
    assert content(db) == before
    # What is new is NULL, as a column that is added is, and is read as unset.
    assert all(r["additional_attributes"] is None for r in tables.rows(db, "registered_entries"))
    if version < 24:
        assert all(r["agent_version"] is None for r in tables.rows(db, "attested_node_entries"))
    entries = {e["id"]: e for e in d.json("entry", "show")["entries"]}
    assert len(entries) >= 7 and not any("additional_attributes" in e for e in entries.values()), entries
    agents = d.json("agent", "list")["agents"]
    assert len(agents) == 3 and all(a.get("agent_version", "") == ("1.14.2" if version == 24 else "") for a in agents)
    state_of = d.json("localauthority", "x509", "show")
    assert state_of["active"]["authority_id"] == written.active.id, state_of
    second_writer.serves(d, written)
    d.command("entry", "create", "-spiffeID", "spiffe://example.org/new", "-parentID", "spiffe://example.org/host",
              "-selector", "a:b", "-jwtSVIDIncludeJTI")
    assert tables.rows(db, "registered_entries")[-1]["additional_attributes"] == wire.encode(wire.ATTRIBUTES, {2: True})
    d.stop("agent")
    d.stop()
    # A migrated datastore is an ordinary one at the next start.
    assert "Migrating" in d.log() and d.log().count("Migrating version") == 25 - version, d.log()
    d.start_server()
    assert d.log().count("Migrating version") == 25 - version
    d.stop()


def stays_when_told(version):
    d, written = fresh(version, "1.14.6", "disable_migration = true")
    before = content(written.db)
    d.start_server()
    db = tables.connect(d.database)
    tables.check_schema(db, version)
    assert state(d) == [(version, "1.14.6")] and content(db) == before
    d.command("entry", "create", "-spiffeID", "spiffe://example.org/new", "-parentID", "spiffe://example.org/host",
              "-selector", "a:b")
    refused = d.run("entry", "create", "-spiffeID", "spiffe://example.org/no", "-parentID",
                    "spiffe://example.org/host", "-selector", "a:b", "-jwtSVIDIncludeJTI")
    assert refused.returncode == 1 and "disable_migration" in refused.stderr, refused.stderr
    d.stop()
    tables.check_schema(db, version)


def refusals():
    for version, code, options, text in [
        (23, "1.13.9", "disable_migration = true", "auto-migration must be enabled for current DB"),
        (22, "1.12.0", "", "migrating from schema version 22 requires a previous SPIRE release"),
        (26, "1.17.0", "", "incompatible DB schema and code version"),
        (26, "2.15.0", "", "incompatible DB schema and code version"),
    ]:
        d, written = fresh(min(version, 25), code, options)
        written.db.execute("UPDATE migrations SET version = ?", [version])
        written.db.commit()
        before = content(written.db)
        said = d.refused()
        assert text in said, said
        assert state(d) == [(version, code)] and content(written.db) == before


def skew():
    """A newer server of the same kind of schema came first: its version stays; an older one's is raised."""
    for schema, code, after in [(25, "1.16.2", "1.16.2"), (25, "1.14.9", "1.15.3"), (25, "1.15.3", "1.15.3"),
                                (26, "1.16.0", "1.16.0")]:
        d, written = fresh(25, code)
        if schema == 26:
            # A column that this version does not know is left alone.
            written.db.execute("ALTER TABLE registered_entries ADD COLUMN of_tomorrow varchar(255)")
            written.db.execute("UPDATE migrations SET version = 26")
            written.db.execute("UPDATE registered_entries SET of_tomorrow = 'x'")
            written.db.commit()
        d.start_server()
        assert state(d) == [(schema, after)], (code, state(d))
        if schema == 26:
            assert "DB schema is ahead of code version" in d.log()
            d.command("entry", "update", "-entryID", writer.IDS["plain"], "-spiffeID", "spiffe://example.org/plain",
                      "-parentID", "spiffe://example.org/host", "-selector", "unix:uid:1", "-hint", "h")
            kept = [r["of_tomorrow"] for r in tables.rows(written.db, "registered_entries")
                    if r["entry_id"] == writer.IDS["plain"]]
            assert kept == ["x"], kept
        d.stop()


if __name__ == "__main__":
    for version in (23, 24):
        migrates(version)
        stays_when_told(version)
        print(f"schema {version}")
    refusals()
    skew()
    print("migrations as the reference says")
