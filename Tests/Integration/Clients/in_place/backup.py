"""spire-server backup and restore with running programs: consistent while the server writes, refused while it runs, and
followed by its agent."""
import hashlib
import json
import os
import re
import stat
import subprocess
import tarfile
import threading

import authorities
import deployment
import tables
from deployment import SERVER

TD = "spiffe://example.org"


def offline(d, *arguments):
    return subprocess.run([SERVER, *arguments, "-config", f"{d.folder}/server.conf"], capture_output=True, text=True,
                          preexec_fn=lambda: os.umask(0))


def create(d, path):
    return d.json("entry", "create", "-spiffeID", TD + path, "-parentID", TD + "/host", "-selector",
                  f"unix:uid:{os.getuid()}")["results"][0]["entry"]["id"]


def identities(d):
    done = d.fetch("x509")
    return set(re.findall(r"SPIFFE ID:\s+(\S+)", done.stdout)) if done.returncode == 0 else set()


def look_inside(path, database):
    """The archive by another program's eyes."""
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    listed = subprocess.run(["tar", "-tf", path], capture_output=True, text=True, check=True).stdout.split()
    with tarfile.open(path) as archive:
        assert archive.getnames() == listed
        manifest = json.load(archive.extractfile("manifest.json"))
        for key in ("database", "keys"):
            if key in manifest:
                content = archive.extractfile(manifest[key]["file"]).read()
                assert len(content) == manifest[key]["size"]
                assert hashlib.sha256(content).hexdigest() == manifest[key]["sha256"]
        with open(database, "wb") as file:
            file.write(archive.extractfile("datastore.sqlite3").read())
    db = tables.connect(database)
    tables.check_schema(db)
    tables.check_rows(db)
    return listed, manifest, db


def while_it_writes(d):
    """Backups while entries are made: each is one state, in which every entry has its selector and its event."""
    stop = threading.Event()

    def write():
        number = 0
        while not stop.is_set():
            number += 1
            create(d, f"/busy/{number}")

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        counts = []
        for number in range(4):
            path = f"{d.folder}/busy-{number}.tar"
            done = offline(d, "backup", "-file", path)
            assert done.returncode == 0, done.stderr
            _, manifest, db = look_inside(path, f"{d.folder}/busy-{number}.sqlite3")
            entries = tables.rows(db, "registered_entries")
            ids = {event["entry_id"] for event in tables.rows(db, "registered_entries_events")}
            with_selector = {row["registered_entry_id"] for row in tables.rows(db, "selectors")}
            assert len(entries) == manifest["database"]["entries"]
            assert {e["entry_id"] for e in entries} <= ids and {e["id"] for e in entries} <= with_selector
            counts.append(len(entries))
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert counts == sorted(counts), counts
    for entry in d.json("entry", "show")["entries"]:
        if entry["spiffe_id"]["path"].startswith("/busy/"):
            d.command("entry", "delete", "-entryID", entry["id"])


def keeps_agents():
    """An agent that attested after the backup goes on, while entries go back."""
    d = deployment.Deployment(agent_options='experimental { sync_interval = "1s" }')
    d.start_server()
    token = d.json("token", "generate", "-spiffeID", TD + "/host")["value"]
    create(d, "/kept")
    archive = f"{d.folder}/backup.tar"
    assert offline(d, "backup", "-file", archive).returncode == 0
    d.start_agent(token)
    create(d, "/later")
    deployment.wait("both identities", lambda: identities(d) == {TD + "/kept", TD + "/later"}, f"{d.folder}/agent.log")
    d.stop()
    done = offline(d, "restore", "-file", archive, "-databaseOnly", "-keepAgents")
    assert done.returncode == 0 and "Agents           : 1, as the replaced database had them" in done.stdout, done.stderr
    d.start_server()
    assert d.json("agent", "count")["count"] == 1
    deployment.wait("the backup's identity", lambda: identities(d) == {TD + "/kept"}, f"{d.folder}/agent.log")
    assert d.log("agent").count("Node attestation was successful") == 1
    d.stop("agent")
    d.stop()
    tables.check_rows(tables.connect(d.database))


if __name__ == "__main__":
    d = deployment.Deployment(agent_options='experimental { sync_interval = "1s" }')
    d.start_server()
    while_it_writes(d)
    print("one state while the server writes")

    d.start_agent(d.json("token", "generate", "-spiffeID", TD + "/host")["value"])
    first = create(d, "/first")
    deployment.wait("the first identity", lambda: identities(d) == {TD + "/first"}, f"{d.folder}/agent.log")
    d.command("token", "generate")
    archive = f"{d.folder}/backup.tar"
    done = offline(d, "backup", "-file", archive, "-includeKeys", "-output", "json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    active = d.json("localauthority", "x509", "show")["active"]["authority_id"]
    assert report["keys_included"] and report["x509_authority"] == active, report
    listed, _, _ = look_inside(archive, f"{d.folder}/copy.sqlite3")
    assert listed == ["manifest.json", "datastore.sqlite3", "keys.json"], listed
    again = offline(d, "backup", "-file", archive)
    assert again.returncode == 1 and "exists; choose another file, or replace it with -force" in again.stderr

    # After the backup: another entry, a changed one (its revision is beyond the backup's), other authorities.
    create(d, "/second")
    for _ in range(3):
        d.command("entry", "update", "-entryID", first, "-spiffeID", TD + "/changed", "-parentID", TD + "/host",
                  "-selector", f"unix:uid:{os.getuid()}")
    deployment.wait("the changes", lambda: identities(d) == {TD + "/changed", TD + "/second"}, f"{d.folder}/agent.log")

    # Refused while it runs, by the socket and by the lock of the database.
    refused = offline(d, "restore", "-file", archive)
    assert refused.returncode == 1 and f"a server answers on {d.socket}" in refused.stderr, refused.stderr
    refused = offline(d, "restore", "-file", archive, "-socketPath", d.folder + "/other.sock")
    assert f"another process (pid {d.processes['server'].pid}) has {d.database} open" in refused.stderr, refused.stderr
    before = sorted(os.listdir(d.folder + "/s"))
    preview = offline(d, "restore", "-file", archive, "-dryRun")
    assert preview.returncode == 0 and preview.stdout.startswith("This would restore"), preview.stderr
    assert sorted(os.listdir(d.folder + "/s")) == before

    d.processes.pop("server").kill()
    deployment.wait("the socket is silent", lambda: d.run("healthcheck").returncode != 0)
    with open(d.keys, "rb") as file:
        keys = file.read()
    os.unlink(d.keys)
    done = offline(d, "restore", "-file", archive, "-output", "json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["restored"] and report["x509_authority"] == active and report["removed_join_tokens"] == 1, report
    kept = next(path for path in report["kept"] if re.search(r"datastore\.sqlite3\.replaced-[^-]+$", path))
    assert len(tables.rows(tables.connect(kept), "registered_entries")) == 3, "what was replaced is whole, its log included"
    with open(d.keys, "rb") as file:
        assert file.read() == keys
    assert stat.S_IMODE(os.stat(d.keys).st_mode) == 0o600 and os.stat(d.database).st_mode & 0o027 == 0
    assert not tables.rows(tables.connect(d.database), "join_tokens"), "a token of a backup may have been used since"
    authorities.what_a_server_finds(d.database, d.keys)

    # The agent goes on, and comes back to what the backup says although revisions and event ids are lower now.
    d.start_server()
    assert d.json("localauthority", "x509", "show")["active"]["authority_id"] == active
    deployment.wait("the backup's identity", lambda: identities(d) == {TD + "/first"}, f"{d.folder}/agent.log")
    third = create(d, "/third")
    deployment.wait("new changes", lambda: identities(d) == {TD + "/first", TD + "/third"}, f"{d.folder}/agent.log")
    d.stop("agent")
    d.stop()
    print("restored, and followed by the agent")
    keeps_agents()
    print("with the agents kept")
