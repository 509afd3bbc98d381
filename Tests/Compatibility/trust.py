"""Trust between servers of both implementations: federation, nesting with the root's rotation, one database for two."""
import glob
import os
import shutil
import tempfile
import textwrap

from deployment import OURS, THEIRS, Deployment, Failure, free_port, run, wait


def federation(first, second):
    with Deployment("a.org") as a, Deployment("b.org") as b:
        ports = {"a.org": free_port(), "b.org": free_port()}
        for d, peer in ((a, "b.org"), (b, "a.org")):
            d.server_options = f"""
federation {{
  bundle_endpoint {{ address = "127.0.0.1" port = {ports[d.trust_domain]} }}
  federates_with "{peer}" {{
    bundle_endpoint_url = "https://127.0.0.1:{ports[peer]}"
    bundle_endpoint_profile "https_spiffe" {{ endpoint_spiffe_id = "spiffe://{peer}/spire/server" }}
  }}
}}"""
        a.start("server", first)
        b.start("server", second)
        for d, source, who in ((a, b, second), (b, a, first)):
            path = f"{d.folder}/peer.json"
            with open(path, "w") as file:
                file.write(source.server(who, "bundle", "show", "-format", "spiffe"))
            d.server(OURS, "bundle", "set", "-id", f"spiffe://{source.trust_domain}", "-format", "spiffe", "-path", path)
        for d, peer, serves in ((a, b, second), (b, a, first)):
            peer.server(serves, "localauthority", "x509", "prepare")
            name = f"spiffe://{peer.trust_domain}"

            def followed():
                d.server(THEIRS, "federation", "refresh", "-id", peer.trust_domain)
                return d.server(OURS, "bundle", "list", "-id", name, "-format", "spiffe").count("x509-svid") == 2

            wait(f"the new root of {serves}'s server arrives", followed)


def nesting(root, agent, nested):
    with Deployment() as above, Deployment() as below:
        above.start("server", root)
        above.entry(OURS, "spiffe://example.org/nested", "spiffe://example.org/node", "-downstream")
        above.start("agent", agent, "-joinToken", above.token(THEIRS))
        wait("the nested server's identity", above.fetch)
        below.server_plugins += f"""
UpstreamAuthority "spire" {{ plugin_data {{
  server_address = "127.0.0.1" server_port = "{above.port}" workload_api_socket = "{above.socket('agent')}"
}} }}"""
        below.start("server", nested)
        below.start("agent", OURS, "-joinToken", below.token(OURS))
        below.entry(OURS, "spiffe://example.org/low")
        wait("an identity below", below.fetch)
        old_root = above.roots()
        old = above.server_json(OURS, "localauthority", "x509", "show")["active"]["authority_id"]
        new = above.server_json(OURS, "localauthority", "x509", "prepare")["prepared_authority"]["authority_id"]
        wait("the new root below", lambda: above.roots() == below.roots() and len(below.roots()) == 2, 60)
        command = ["localauthority", "x509", "activate", "-authorityID", new]
        wait("the new root is activated", lambda: "Error" not in above.server(OURS, *command, check=False))
        above.server(THEIRS, "localauthority", "x509", "taint", "-authorityID", old)

        def signed_by_the_new_root():
            folder, file = f"{below.folder}/fetched", f"{below.folder}/root.pem"
            below.fetch(write=folder)
            with open(file, "w") as pem:
                pem.writelines(f"-----BEGIN CERTIFICATE-----\n{textwrap.fill(root, 64)}\n-----END CERTIFICATE-----\n"
                               for root in above.roots() if root not in old_root)
            svid = f"{folder}/svid.0.pem"
            return svid + ": OK" in run("openssl", "verify", "-untrusted", svid, "-CAfile", file, svid, check=False)

        wait("an SVID below that the new root signed", signed_by_the_new_root, 60)
        command = ["localauthority", "x509", "revoke", "-authorityID", old]
        wait("the old root goes", lambda: "Error" not in above.server(OURS, *command, check=False), 60)
        # A server of ours keeps a root for a minute longer if it never saw it tainted.
        wait("the old root is gone below", lambda: above.roots() == below.roots() and len(below.roots()) == 1, 120)
        wait("an identity below still", signed_by_the_new_root)


class Postgres:
    """A PostgreSQL of our own, without a password, on loopback."""

    def __enter__(self):
        self.folder, self.port = tempfile.mkdtemp(prefix="compat-"), free_port()
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres")
        self._run(f"{self.bin}/initdb -A trust -U postgres -D {self.folder}/data >/dev/null && {self.bin}/pg_ctl -D "
                  f"{self.folder}/data -o '-p {self.port} -k {self.folder}' -l {self.folder}/log -w start")
        return self

    def _run(self, command):
        return run(*(["su", "postgres", "-c", command] if os.getuid() == 0 else ["bash", "-c", command]))

    def create(self, name):
        self._run(f"psql -h {self.folder} -p {self.port} -U postgres -c 'create database {name}' postgres")
        return "postgres", f"dbname={name} host=127.0.0.1 port={self.port} user=postgres sslmode=disable"

    def __exit__(self, kind, error, trace):
        self._run(f"{self.bin}/pg_ctl -D {self.folder}/data -m fast stop")
        shutil.rmtree(self.folder, ignore_errors=True)


def cluster(first, second, datastore):
    """The middle of an upgrade: two servers of a cluster, one of each."""
    with Deployment(datastore=datastore) as a, Deployment(datastore=datastore) as b:
        a.start("server", first)
        b.start("server", second)
        a.start("agent", THEIRS, "-joinToken", b.token(THEIRS))
        b.start("agent", OURS, "-joinToken", a.token(OURS))
        a.entry(THEIRS, "spiffe://example.org/of-a")
        b.entry(OURS, "spiffe://example.org/of-b")
        for d in (a, b):
            wait("entries of both servers", lambda: len(d.fetch()) == 2)
            d.fetch(write=f"{d.folder}/fetched")
        for d, peer in ((a, b), (b, a)):
            run("openssl", "verify", "-CAfile", f"{peer.folder}/fetched/bundle.0.pem", f"{d.folder}/fetched/svid.0.pem")
        entries = b.server_json(THEIRS, "entry", "show", "-spiffeID", "spiffe://example.org/of-a")["entries"]
        b.server(OURS, "entry", "delete", "-entryID", entries[0]["id"])
        wait("a deletion by the other server", lambda: len(a.fetch()) == 1)
        if a.roots() != b.roots() or len(a.roots()) != 2:
            raise Failure(f"{len(a.roots())} and {len(b.roots())} roots")


def check(report):
    for pair in ((OURS, THEIRS), (THEIRS, OURS)):
        federation(*pair)
        report(f"federation of {pair[0]} and {pair[1]}")
    for names in ((THEIRS, OURS, OURS), (OURS, THEIRS, THEIRS), (OURS, OURS, THEIRS)):
        nesting(*names)
        report("nesting: server {}, agent {}, server below {}".format(*names))
    if not glob.glob("/usr/lib/postgresql/*/bin"):
        return report("clusters of both: skipped, there is no PostgreSQL")
    with Postgres() as postgres:
        for name, pair in (("one", (THEIRS, OURS)), ("two", (OURS, THEIRS))):
            cluster(*pair, postgres.create(name))
            report(f"a cluster of {pair[0]} and {pair[1]}")
