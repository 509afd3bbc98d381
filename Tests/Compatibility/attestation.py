"""Node attestors: each half of one implementation with the other's, and the same agent ID and selectors from all."""
import shutil
import tempfile

from deployment import OURS, PAIRS, THEIRS, Deployment, Failure, free_port, run
from soft_tpm import SoftTPM

CREDENTIALS = r"""
set -e
ec="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
openssl req -x509 $ec -keyout ca.key -out ca.pem -days 30 -subj /CN=Root -addext keyUsage=critical,keyCertSign
openssl req -new $ec -keyout ica.key -out ica.csr -subj /CN=Between
printf 'basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n' > ica.ext
openssl x509 -req -in ica.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 20 -extfile ica.ext -out ica.pem
printf 'keyUsage=critical,digitalSignature\nsubjectAltName=IP:127.0.0.1,URI:x509pop://example.org/env/prod,URI:x509pop://example.org/dc/a/b\n' > node.ext
openssl genrsa -out rsa.key 2048
for curve in P-256 P-384 P-521; do openssl ecparam -genkey -name $curve -noout -out $curve.key; done
for key in rsa P-256 P-384 P-521; do
  openssl req -new -key $key.key -subj "/CN=Node $key/O=Org" -out $key.csr
  openssl x509 -req -in $key.csr -CA ica.pem -CAkey ica.key -CAcreateserial -days 10 -extfile node.ext -out $key.pem
  cat $key.pem ica.pem > $key-chain.pem
done
ssh-keygen -q -t ed25519 -N '' -f sshca
for kind in ed25519 rsa ecdsa; do
  ssh-keygen -q -t $kind -N '' -f ssh-$kind
  ssh-keygen -q -s sshca -h -I node-$kind -n node-$kind.example.com -V +1d ssh-$kind.pub
done
"""


def plugin(name, **options):
    def value(v):
        if isinstance(v, bool):
            return str(v).lower()
        if isinstance(v, list):
            return "[" + ", ".join(map(value, v)) + "]"
        return str(v) if isinstance(v, int) else '"' + v.replace("\\", "\\\\").replace('"', '\\"') + '"'

    return f'NodeAttestor "{name}" {{ plugin_data {{ ' + " ".join(f"{k} = {value(v)}" for k, v in options.items()) + " } }"


def x509pop(folder, key="rsa", **options):
    return (plugin("x509pop", ca_bundle_path=f"{folder}/ca.pem", **options),
            plugin("x509pop", private_key_path=f"{folder}/{key}.key", certificate_path=f"{folder}/{key}-chain.pem"))


def sshpop(folder, kind, **options):
    with open(f"{folder}/sshca.pub") as file:
        authority = file.read().strip()
    return (plugin("sshpop", cert_authorities=[authority], **options),
            plugin("sshpop", host_key_path=f"{folder}/ssh-{kind}", host_cert_path=f"{folder}/ssh-{kind}-cert.pub"))


def cases(folder):
    for key in ("rsa", "P-256", "P-384", "P-521"):
        yield f"x509pop with {key}", x509pop(folder, key, verify_client_ip=True)
    yield "x509pop with a template", x509pop(
        folder, agent_path_template='/{{ .PluginName }}/{{ .Subject.CommonName | lower | replace " " "-" }}'
        '/{{ .SerialNumberHex }}/{{ index .URISanSelectors "env" }}')
    for kind in ("ed25519", "rsa", "ecdsa"):
        yield f"sshpop with {kind}", sshpop(
            folder, kind, canonical_domain="example.com", agent_path_template="/sshpop/{{ .Hostname }}/{{ .KeyId }}")
    yield "http_challenge", (
        plugin("http_challenge", allowed_dns_patterns=[r"^127\.0\.0\.1$"]),
        plugin("http_challenge", hostname="127.0.0.1", agentname="a1", port=free_port()))


def tpm_devid(tpm, name):
    return (plugin("tpm_devid", devid_ca_path=f"{tpm.folder}/devid-ca.pem", endorsement_ca_path=f"{tpm.folder}/tpm-ca.pem"),
            plugin("tpm_devid", devid_cert_path=f"{tpm.folder}/{name}.crt", devid_priv_path=f"{tpm.folder}/{name}.priv",
                   devid_pub_path=f"{tpm.folder}/{name}.pub", tpm_device_path=tpm.socket))


def attested(server_plugin, agent_plugin, server, agent):
    with Deployment() as d:
        d.server_plugins, d.agent_plugins = server_plugin, agent_plugin
        d.start("server", server)
        d.start("agent", agent)
        node = d.agents(server)[0]
        return (node["id"]["path"], sorted(f"{s['type']}:{s['value']}" for s in node.get("selectors", [])),
                node.get("can_reattest"), node["attestation_type"])


def compare(name, plugins, report):
    wanted = attested(*plugins, THEIRS, THEIRS)
    for server, agent in PAIRS:
        found = attested(*plugins, server, agent)
        if found != wanted:
            raise Failure(f"{name}, server {server}, agent {agent}: {found} instead of {wanted}")
    report(name)


def check(report):
    with tempfile.TemporaryDirectory(prefix="compat-") as folder:
        run("bash", "-c", CREDENTIALS, cwd=folder)
        for name, plugins in cases(folder):
            compare(name, plugins, report)
    for server, agent in ((OURS, THEIRS), (THEIRS, OURS)):
        with Deployment() as d:
            d.start("server", server)
            d.start("agent", agent, "-joinToken", d.token(agent))
    report("join_token")
    if not all(map(shutil.which, ("swtpm", "tpm2_createek", "socat"))):
        return report("tpm_devid: skipped, it needs swtpm, tpm2-tools and socat")
    with tempfile.TemporaryDirectory(prefix="compat-") as folder, SoftTPM(folder) as tpm:
        for name in ("rsa", "ecc"):
            compare(f"tpm_devid with {name}", tpm_devid(tpm, name), report)
