"""An agent's life beside each server: rotation without a gap, eviction, a ban, and the server exchanged meanwhile."""
import os
import subprocess
import tempfile
import time

from attestation import CREDENTIALS, x509pop
from deployment import BOTH, OURS, PAIRS, Deployment, Failure, other, run, wait


def rotates(d, seconds):
    """Fetches for a while: each answer verifies, and workload and agent SVIDs change."""
    workload, agent, folder = set(), set(), f"{d.folder}/fetched"
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not d.fetch(write=folder):
            raise Failure("no identity for a moment")
        run("openssl", "verify", "-CAfile", f"{folder}/bundle.0.pem", f"{folder}/svid.0.pem")
        workload.add(run("openssl", "x509", "-in", f"{folder}/svid.0.pem", "-noout", "-serial"))
        agent.add(d.agents()[0]["x509svid_serial_number"])
        time.sleep(0.5)
    if len(workload) < 2 or len(agent) < 2:
        raise Failure(f"{len(workload)} workload SVIDs and {len(agent)} agent SVIDs in {seconds} s")


def life(server, agent, plugins):
    with Deployment() as d:
        d.server_options = 'agent_ttl = "20s"'
        d.server_plugins, d.agent_plugins = plugins
        d.start("server", server)
        d.start("agent", agent)
        node = "spiffe://example.org" + d.agents()[0]["id"]["path"]
        alias = "spiffe://example.org/all"
        d.server(OURS, "entry", "create", "-node", "-spiffeID", alias, "-selector", "x509pop:subject:cn:Node rsa")
        d.entry(OURS, "spiffe://example.org/first", alias, "-x509SVIDTTL", "15")
        wait("the first identity", d.fetch)
        rotates(d, 24)
        d.server(other(server), "agent", "evict", "-spiffeID", node)
        wait("the evicted agent attests again", d.agents)
        d.entry(OURS, "spiffe://example.org/second", alias)
        wait("an entry after the eviction", lambda: len(d.fetch()) == 2)
        d.stop("server")
        d.start("server", other(server))
        d.entry(OURS, "spiffe://example.org/third", alias)
        wait("an entry of the other server", lambda: len(d.fetch()) == 3)
        d.server(server, "agent", "ban", "-spiffeID", node)
        wait("the banned agent ends", lambda: not d.runs("agent"))
        if subprocess.run(["grep", "-c", "agent is banned", f"{d.folder}/agent.log"], capture_output=True).returncode:
            try:
                d.start("agent", agent)
            except Failure as failure:
                if "agent is banned" not in str(failure):
                    raise
            else:
                raise Failure("a banned agent started")


def check(report):
    with tempfile.TemporaryDirectory(prefix="compat-") as folder:
        run("bash", "-c", CREDENTIALS, cwd=folder)
        for server, agent in PAIRS:
            if server == agent != OURS:
                continue
            life(server, agent, x509pop(folder))
            report(f"server {server} and then {other(server)}, agent {agent}")
