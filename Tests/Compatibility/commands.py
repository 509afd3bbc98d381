"""Client commands: what both print of one server, and what both servers answer to one client, but for help texts and the
texts for words that the user mistyped, which are this project's own (docs/compatibility.md)."""
import difflib
import re
import subprocess

from deployment import BOTH, OURS, THEIRS, Deployment, Failure, program, wait

NODE, OTHER = "spiffe://example.org/node", "spiffe://example.org/spire/agent/x"
NEW = ["-spiffeID", "spiffe://example.org/w", "-parentID", NODE, "-selector", "unix:uid:1"]
LINK = ["-bundleEndpointURL", "https://x"]

COMMANDS = [line.split() for line in """
entry show
entry show -entryID e1
entry show -entryID nope
entry show -selector unix:uid:0
entry show -parentID spiffe://example.org/node
entry show -spiffeID spiffe://example.org/w2
entry show -hint h1
entry show -downstream
entry show -matchSelectorsOn exact -selector k8s:ns:a:b
entry show -matchSelectorsOn bad -selector a:b
entry show -federatesWith spiffe://x.org
entry count
entry count -downstream
entry create
entry create -data /nonexistent
entry create -spiffeID spiffe://other.org/w -parentID spiffe://example.org/node -selector unix:uid:0
entry update
entry update -entryID nope -spiffeID spiffe://example.org/w -parentID spiffe://example.org/node -selector a:b
entry delete
entry delete -entryID nope
agent list
agent list -canReattest true
agent list -banned x
agent list -attestationType join_token
agent count
agent show
agent show -spiffeID spiffe://example.org/spire/agent/x
agent evict
agent evict -spiffeID spiffe://example.org/spire/agent/x
agent ban
agent ban -spiffeID spiffe://example.org/spire/agent/x
agent purge -expiredFor 10h
bundle show
bundle show -format spiffe
bundle count
bundle list
bundle list -id spiffe://no.org
bundle set
bundle delete
bundle delete -id spiffe://no.org
bundle delete -id spiffe://no.org -mode x
federation list
federation show
federation show -trustDomain third.org
federation show -trustDomain no.org
federation create
federation create -trustDomain q.org -bundleEndpointURL http://x -bundleEndpointProfile https_web
federation create -trustDomain q.org -bundleEndpointURL https://x -bundleEndpointProfile zz
federation update -trustDomain no.org -bundleEndpointURL https://x -bundleEndpointProfile https_web
federation delete -id no.org
federation refresh -id third.org
federation refresh -id no.org
localauthority x509 show
localauthority x509 activate
localauthority x509 activate -authorityID x
localauthority x509 taint -authorityID x
localauthority x509 revoke
localauthority jwt show
localauthority jwt taint
localauthority jwt revoke -authorityID x
logger get
logger set
logger set -level bad
logger set -level debug
logger reset
token generate -ttl -1
token generate -ttl 0
jwt mint
jwt mint -spiffeID spiffe://example.org/x
x509 mint
x509 mint -spiffeID spiffe://other.org/x
""".strip().splitlines()] + [
    ["entry", "create", *NEW, "-x509SVIDTTL", "-1"],
    ["entry", "create", *NEW, "-federatesWith", "spiffe://nope.org"],
]
AGENT_COMMANDS = [line.split() for line in """
api fetch x509
api fetch jwt
api validate jwt
api validate jwt -audience a -svid b
""".strip().splitlines()]

# What differs from run to run, or from server to server, and the one line that this project adds.
CHANGING = [
    (r"Watching +: .*\n", ""),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22,}", "UUID"), (r'"\d{10}"', '"TIME"'), (r"\d{20,}", "SERIAL"),
    (r"\b[0-9a-f]{40}\b", "KEY"), (r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} \w+", "DATE"),
    (r"20\d\d/\d\d/\d\d \d\d:\d\d:\d\d", "DATE"), (r"after [\d.]+(ms|µs|s)", "after T"),
    (r"-----BEGIN[^-]*-----[^-]*-----END[^-]*-----", "PEM"), (r"[A-Za-z0-9+/=_-]{60,}", "BYTES"),
    (r'"(key_id|kid|x|y)": ?"[^"]*"', "KEY"), (r"Authority ID: \w{32}", "Authority ID: KEY"),
    (r'"authority_id":"\w{32}"', "KEY"),
]


def prepared(d, server):
    d.start("server", server)
    d.start("agent", OURS, "-joinToken", d.token(THEIRS))
    d.server(THEIRS, "entry", "create", "-entryID", "e1", "-spiffeID", "spiffe://example.org/w", "-parentID", NODE,
             "-selector", "unix:uid:0", "-selector", "unix:gid:0", "-dns", "a.example.org", "-dns", "b.example.org", "-hint",
             "h1", "-x509SVIDTTL", "300", "-jwtSVIDTTL", "200", "-admin", "-downstream", "-entryExpiry", "2110651845")
    d.server(THEIRS, "entry", "create", "-entryID", "e2", "-spiffeID", "spiffe://example.org/w2", "-parentID", NODE,
             "-selector", "k8s:ns:a:b", "-storeSVID")
    d.server(THEIRS, "federation", "create", "-trustDomain", "third.org", "-bundleEndpointURL", "https://127.0.0.1:1/x",
             "-bundleEndpointProfile", "https_spiffe", "-endpointSpiffeID", "spiffe://third.org/x")
    wait("the agent has its entries", d.fetch)


def answers(d, who):
    """Status and output of each command, without what changes by itself."""
    for kind, commands in (("server", COMMANDS), ("agent", AGENT_COMMANDS)):
        for command in commands:
            for form in ([], ["-output", "json"]):
                done = subprocess.run(
                    [program(who, kind), *command, *form, "-socketPath", d.socket(kind)], capture_output=True, text=True,
                    timeout=30)
                text = f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
                for pattern, name in CHANGING:
                    text = re.sub(pattern, name, text)
                yield " ".join([kind, *command, *form]), text


def compare(theirs, ours):
    differing = [(name, a, b) for (name, a), (_, b) in zip(theirs, ours) if a != b]
    if differing:
        lines = []
        for name, a, b in differing:
            lines += [name] + list(difflib.unified_diff(a.splitlines(), b.splitlines(), "SPIRE", "swift-spire", "", "", 0, ""))
        raise Failure("\n".join(lines))


def check(report):
    by_server = {}
    for server in BOTH:
        with Deployment() as d:
            prepared(d, server)
            theirs = list(answers(d, THEIRS))
            by_server[server] = theirs
            compare(theirs, list(answers(d, OURS)))
            report(f"{len(theirs)} commands of both to a server of {server}")
    compare(by_server[THEIRS], by_server[OURS])
    report(f"{len(by_server[OURS])} commands of {THEIRS} to both servers")
