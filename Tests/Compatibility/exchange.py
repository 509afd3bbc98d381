"""Servers and agents exchanged in place, on one set of files, back and forth: nothing is lost or changed."""
import json

from deployment import BOTH, OURS, THEIRS, Deployment, Failure, program, run, wait


def state(d, who):
    """All that the client commands show, but for what changes by itself."""
    node = lambda a: (a["id"]["path"], a["x509svid_serial_number"], a["can_reattest"], a["banned"])
    return {
        "bundle": d.server(who, "bundle", "show", "-format", "spiffe"),
        "bundles": d.server(who, "bundle", "list", "-format", "spiffe"),
        "agents": [node(a) for a in d.agents(who)],
        "entries": d.server(who, "entry", "show", "-output", "json"),
        "federation": d.server(who, "federation", "list", "-output", "json"),
        "authorities": d.server(who, "localauthority", "x509", "show", "-output", "json"),
    }


def same(before, after, what):
    for part in before:
        if before[part] != after[part]:
            raise Failure(f"{what}: {part} was\n{before[part]}\nand is\n{after[part]}")


def check(report):
    with Deployment("other.org") as elsewhere, Deployment() as d:
        elsewhere.start("server", THEIRS)
        with open(f"{d.folder}/other.json", "w") as file:
            file.write(elsewhere.server(THEIRS, "bundle", "show", "-format", "spiffe"))
        d.start("server", THEIRS)
        d.start("agent", THEIRS, "-joinToken", d.token(THEIRS))
        d.server(THEIRS, "bundle", "set", "-id", "spiffe://other.org", "-format", "spiffe", "-path", f"{d.folder}/other.json")
        d.server(OURS, "federation", "create", "-trustDomain", "third.org", "-bundleEndpointURL", "https://127.0.0.1:1/x",
                 "-bundleEndpointProfile", "https_web")
        d.entry(THEIRS, "spiffe://example.org/a", "spiffe://example.org/node", "-dns", "a.example.org", "-hint", "h",
                "-x509SVIDTTL", "300", "-jwtSVIDTTL", "200", "-admin", "-federatesWith", "spiffe://other.org")
        d.entry(OURS, "spiffe://example.org/b", "spiffe://example.org/node", "-downstream")
        wait("identities", lambda: len(d.fetch()) == 2)
        before, token = state(d, THEIRS), None
        for server, agent in ((OURS, THEIRS), (OURS, OURS), (THEIRS, OURS), (THEIRS, THEIRS), (OURS, OURS), (THEIRS, THEIRS)):
            d.stop("agent")
            d.stop("server")
            d.start("server", server)
            d.start("agent", agent)
            for who in BOTH:
                same(before, state(d, who), f"{who}'s commands after an exchange to server {server}, agent {agent}")
                wait("identities", lambda: len(d.fetch(who)) == 2)
            api = [program(OURS, "agent"), "api"]
            where = ["-audience", "x", "-socketPath", d.socket("agent")]
            if token:
                run(*api, "validate", "jwt", "-svid", token, *where)
            token = json.loads(run(*api, "fetch", "jwt", "-spiffeID", "spiffe://example.org/a", "-output", "json", *where))[
                0]["svids"][0]["svid"]
            report(f"server {server}, agent {agent}")
