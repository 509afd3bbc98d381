"""What docs/recovery.md promises: a server that lost its keys, was down for longer than its CA lived, or lost its database
works again, and its agent comes back as the page says."""
import json
import os
import re
import subprocess
import time

import authorities
import deployment
import tables
import wire

TD = "spiffe://example.org"


def active(d):
    return d.json("localauthority", "x509", "show")["active"]["authority_id"]


def identities(d):
    done = d.fetch("x509")
    return set(re.findall(r"SPIFFE ID:\s+(\S+)", done.stdout)) if done.returncode == 0 else set()


def started():
    d = deployment.Deployment('ca_ttl = "24h"', agent_options='experimental { sync_interval = "1s" }')
    d.shift_clock(0)
    d.start_server()
    d.command("entry", "create", "-spiffeID", TD + "/web", "-parentID", TD + "/host", "-selector",
              f"unix:uid:{os.getuid()}")
    d.start_agent(token(d))
    deployment.wait("an identity", lambda: identities(d) == {TD + "/web"}, f"{d.folder}/agent.log")
    return d


def token(d):
    return d.json("token", "generate", "-spiffeID", TD + "/host")["value"]


def attests_again(d, *, without_data):
    """The agent's part: the new bundle, a new token and, where its stored bundle is of no use any more, no data."""
    if without_data:
        os.rename(f"{d.folder}/a/agent-data.json", f"{d.folder}/a/agent-data.json.old")
    d.start_agent(token(d))
    assert "Node attestation was successful" in d.log("agent")[-20000:]
    deployment.wait("the identity again", lambda: identities(d) == {TD + "/web"}, f"{d.folder}/agent.log")


def roots(d):
    row = next(r for r in tables.rows(tables.connect(d.database), "bundles") if r["trust_domain"] == TD)
    return [authorities.authority_id(authorities.x509.load_der_x509_certificate(root[1]).public_key())
            for root in wire.decode(wire.BUNDLE, row["data"])[2]]


def keys_lost():
    d = started()
    before = active(d)
    d.stop()
    os.rename(d.keys, d.folder + "/lost.json")
    d.start_server()
    assert "There is not a CA journal record that matches" in d.log()
    assert active(d) != before and roots(d) == [before, active(d)], "what was issued before stays valid"
    # The agent refuses the server that it cannot know, and goes on serving what it has.
    deployment.wait("the agent's word", lambda: "certificate signed by unknown authority" in d.log("agent"))
    assert identities(d) == {TD + "/web"}
    d.stop("agent")
    attests_again(d, without_data=True)
    # With the keys back, the old authority goes on: its journal is still there.
    d.stop("agent")
    d.stop()
    os.replace(d.folder + "/lost.json", d.keys)
    d.start_server()
    assert active(d) == before
    d.stop()


def down_past_the_life_of_the_ca():
    d = started()
    before, row = active(d), authorities.what_a_server_finds(d.database, d.keys)["row"]
    d.stop()
    d.stop("agent")
    d.shift_clock(30 * 3600)
    d.start_server()
    assert "Found a CA journal record that matches" in d.log()
    after = active(d)
    assert after != before and roots(d)[-1] == after
    found = authorities.what_a_server_finds(d.database, d.keys, time.time() + 30 * 3600)
    assert found["row"] == row and found["x509"][0][6] == after, found
    d.command("x509", "mint", "-spiffeID", TD + "/minted")
    attests_again(d, without_data=True)
    d.stop("agent")
    d.stop()


def database_lost():
    d = started()
    before = active(d)
    archive = f"{d.folder}/backup.tar"
    backup = [deployment.SERVER, "backup", "-config", f"{d.folder}/server.conf", "-file", archive, "-includeKeys"]
    subprocess.run(backup, check=True, capture_output=True, env=d.environment)
    d.stop()
    for end in ("", "-wal", "-shm"):
        if os.path.exists(d.database + end):
            os.unlink(d.database + end)
    # Restored before a start: nothing is lost, and the agent does not notice.
    restore = [deployment.SERVER, "restore", "-config", f"{d.folder}/server.conf", "-file", archive, "-output", "json"]
    report = json.loads(subprocess.run(restore, check=True, capture_output=True, env=d.environment).stdout)
    assert report["x509_authority"] == before, report
    d.start_server()
    assert active(d) == before and d.json("agent", "count")["count"] == 1
    deployment.wait("the agent has synchronized", lambda: "SyncAuthorizedEntries" in d.log()[-4000:]
                    or identities(d) == {TD + "/web"})
    # Not restored: a new trust domain, but for its name.
    d.stop()
    os.unlink(d.database)
    d.start_server()
    assert "Initializing new database" in d.log() and active(d) != before
    assert d.json("entry", "count")["count"] == 0
    d.stop()
    # Even then the backup with its keys brings everything back.
    report = json.loads(subprocess.run(restore, check=True, capture_output=True, env=d.environment).stdout)
    assert report["x509_authority"] == before, report
    d.start_server()
    assert active(d) == before
    d.command("entry", "create", "-spiffeID", TD + "/new", "-parentID", TD + "/host", "-selector",
              f"unix:uid:{os.getuid()}")
    deployment.wait("the agent goes on", lambda: identities(d) == {TD + "/web", TD + "/new"}, f"{d.folder}/agent.log", 60)
    assert d.log("agent").count("Node attestation was successful") == 1
    d.stop("agent")
    d.stop()


def agents_files_lost():
    d = started()
    d.stop("agent")
    os.unlink(f"{d.folder}/a/keys.json")
    attests_again(d, without_data=False)
    assert "Private key recovered from the key manager does not match the stored SVID" in d.log("agent")
    d.stop("agent")
    with open(f"{d.folder}/a/agent-data.json", "w") as file:
        file.write('{"svid":')
    done = subprocess.run([deployment.AGENT, "run", "-config", f"{d.folder}/agent.conf"], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 1 and "failed to open storage" in done.stdout + done.stderr, done.stdout
    os.unlink(f"{d.folder}/a/agent-data.json")
    attests_again(d, without_data=False)
    assert "SVID is not found. Starting node attestation" in d.log("agent")
    d.stop("agent")
    d.stop()


if __name__ == "__main__":
    for state in (keys_lost, down_past_the_life_of_the_ca, database_lost, agents_files_lost):
        state()
        print(state.__name__)
