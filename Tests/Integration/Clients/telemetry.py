"""What receivers of metrics see: telemetry.py PROMETHEUS SERVER AGENT FOLDER DASHBOARDS.

Prometheus scrapes both daemons with an SVID (job `spire`) and without (job `stranger`); FOLDER has the datagrams."""
import json
import os
import re
import socket
import ssl
import sys
import time
import urllib.parse
import urllib.request

from m3_batches import read_batch

prometheus, server, agent, folder, dashboards = sys.argv[1:]


def ask(path, **values):
    url = f"http://{prometheus}/api/v1/{path}?" + urllib.parse.urlencode(values)
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{values}: {error.read().decode()}") from None


def eventually(what, condition, seconds=30):
    end = time.time() + seconds
    while True:
        try:
            value = condition()
        except OSError:
            value = None
        if value:
            return value
        assert time.time() < end, what
        time.sleep(0.1)


# Prometheus: both daemons with the SVID, neither without.
def scraped():
    targets = [t for t in ask("targets")["activeTargets"] if t["lastScrape"][:4] != "0001"]
    return targets if len(targets) == 4 and all(t["health"] != "unknown" for t in targets) else None


eventually("four targets are scraped", scraped)
up = lambda: {(r["metric"]["job"], r["metric"]["instance"]): r["value"][1] for r in ask("query", query="up")["result"]}
eventually("the scrapes with the SVID succeed", lambda: up().get(("spire", server)) == "1" == up().get(("spire", agent)))
assert up()[("stranger", server)] == "0" and up()[("stranger", agent)] == "0", up()

value = lambda query: [(r["metric"], float(r["value"][1])) for r in ask("query", query=query)["result"]]
signed = value("spire_server_server_ca_sign_x509_svid")
assert signed and signed[0][1] >= 2, signed
labels = signed[0][0]
assert labels["host"] == socket.gethostname() and labels["trust_domain"] == "example_org", labels
# The command left its stream, which counts as cancelled.
eventually("a call of a workload", lambda: value("spire_agent_rpc_workload_api_fetch_x509svid > 0"))
assert value("spire_server_manager_x509_ca_rotate_expiration - time() > 3600")
assert not value('{__name__=~"spire_server_datastore_node_.+"}'), "a blocked prefix"
types = ask("metadata", metric="spire_server_rpc_agent_v1_agent_attest_agent_elapsed_time")
assert list(types.values())[0][0]["type"] == "summary", types

# Each query of the dashboards is one that Prometheus understands. Some wait for what does not happen here: failures,
# federation, rotation, JWT-SVIDs, operators' calls.
eventually("rates", lambda: len(value('count_over_time(up{job="spire"}[1m]) >= 3')) == 2)
elsewhere = re.compile(
    "!=|federated|jwt|wit_svid|bootstrap_|rateLimit|rate_limit|svid_rotate|node_attest|batch_create|list_entries|mint|"
    "renew_agent|new_jwt|get_authorized|validate|fetch_x509_bundles|lru_cache_entry|x509_ca_svid|watch_changes|update|"
    "datastore_(registration_entry|node)_fetch"
)
empty = []
for name in sorted(os.listdir(dashboards)):
    board = json.load(open(f"{dashboards}/{name}"))
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            query = target["expr"].replace("$__rate_interval", "1m").replace("$job", "spire").replace("$instance", ".*")
            if not ask("query", query=query)["result"] and not elsewhere.search(query):
                empty.append(f"{name} {panel['title']}: {query}")
assert not empty, "\n".join(empty)

# No session is resumed, and no connection is in the clear.
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
context.load_cert_chain(f"{folder}/svid.pem", f"{folder}/key.pem")
session = None
for _ in range(2):
    with socket.create_connection(("localhost", int(server.split(":")[1]))) as plain:
        with context.wrap_socket(plain, session=session) as tls:
            tls.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert tls.recv(15) == b"HTTP/1.1 200 OK", "scrape"
            assert not tls.session_reused
            session = tls.session
try:
    urllib.request.urlopen(f"http://{server}/", timeout=30)
    raise AssertionError("in the clear")
except OSError:
    pass


# Datagrams.
def packets(name):
    return [bytes.fromhex(line) for line in open(f"{folder}/{name}.udp")]


def lines(name):
    return b"".join(packets(name)).decode().splitlines()


host = socket.gethostname()
statsd = lambda: [l for l in lines("statsd") if l.startswith("spire_server.server_ca.sign.x509_svid.example_org." + host + ":1.000000|c")]
eventually("statsd", statsd)
for line in lines("statsd"):
    assert re.fullmatch(r"spire_(server|agent)\.[^:|\s]+:-?\d+\.\d{6}\|(c|g|ms)", line), line
assert any(re.match(r"spire_agent\.rpc\.workload_api\.fetch_x509svid\.elapsed_time\.\w+\.", l) for l in lines("statsd"))
assert not any(".datastore.node." in l for l in lines("statsd"))
dog = eventually("dogstatsd", lambda: [l for l in lines("dogstatsd") if l.startswith("spire_agent.sync_entries_total:")])
assert re.fullmatch(r"spire_agent\.sync_entries_total:\d+\|g\|#trust_domain:example_org,host:" + re.escape(host), dog[0]), dog
for line in lines("dogstatsd"):
    assert re.fullmatch(r"spire_(server|agent)\.[^:|\s]+:-?[\d.e+]+\|(c|g|ms)\|#[^|\s]+", line), line


def m3():
    metrics = {}
    for packet in packets("m3"):
        _, common, batch = read_batch(packet)
        assert common["env"] == "test"
        for name, tags, value, _ in batch:
            metrics.setdefault((common["service"], name), []).append((tags, value))
    return metrics


eventually("m3", lambda: ("spire_agent", "sync_entries_total") in m3() and ("spire_server", "server_ca_sign_x509_svid") in m3())
tags, count = m3()[("spire_server", "server_ca_sign_x509_svid")][0]
assert tags == {"host": host, "trust_domain": "example_org"} and count[0] == 1 and count[1] >= 1, (tags, count)
tags, bucket = m3()[("spire_server", "rpc_agent_v1_agent_attest_agent_elapsed_time")][0]
assert tags["status"] == "OK" and tags["bucket"].endswith(("ms", "s")) and bucket[1] == 1, (tags, bucket)
