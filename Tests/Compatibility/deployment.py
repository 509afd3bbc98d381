"""A server and an agent of either implementation, on loopback and in a folder of their own."""
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time

# Folder of programs by the name of the implementation; `compat` fills it.
PROGRAMS = {}
OURS, THEIRS = "swift-spire", "SPIRE"
BOTH = (OURS, THEIRS)
PAIRS = [(server, agent) for server in BOTH for agent in BOTH]


def other(who):
    return THEIRS if who == OURS else OURS


def program(who, kind):
    return os.path.join(PROGRAMS[who], f"spire-{kind}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def run(*command, check=True, cwd=None):
    """What a command printed, both streams."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=60)
    if check and done.returncode:
        raise Failure(f"{' '.join(command)}: {(done.stdout + done.stderr).strip()[-800:]}")
    return done.stdout + done.stderr


def wait(what, condition, seconds=30):
    """Asks until it holds; what to wait for is named in the failure."""
    end = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {seconds} s")
        time.sleep(0.1)
    return answer


class Failure(Exception):
    """A claim of compatibility that did not hold."""


class Deployment:
    JOIN_TOKEN = 'NodeAttestor "join_token" { plugin_data {} }'

    def __init__(self, trust_domain="example.org", datastore=None):
        self.folder = tempfile.mkdtemp(prefix="compat-")
        os.chmod(self.folder, 0o755)
        for kind in ("server", "agent"):
            os.mkdir(f"{self.folder}/{kind}")
        self.trust_domain, self.port, self.processes = trust_domain, free_port(), {}
        self.datastore = datastore or ("sqlite3", f"{self.folder}/server/datastore.sqlite3")
        self.server_options = self.agent_options = ""
        self.server_plugins = self.agent_plugins = self.JOIN_TOKEN
        self.agent_options = 'experimental { sync_interval = "1s" }'

    def socket(self, kind):
        return f"{self.folder}/{kind}/api.sock"

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        for kind in list(self.processes):
            self.stop(kind)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self):
        database, connection = self.datastore
        with open(f"{self.folder}/server.conf", "w") as file:
            file.write(f"""
server {{
  bind_address = "127.0.0.1"
  bind_port = {self.port}
  socket_path = "{self.socket('server')}"
  trust_domain = "{self.trust_domain}"
  data_dir = "{self.folder}/server"
  log_level = "DEBUG"
  {self.server_options}
}}
plugins {{
  DataStore "sql" {{ plugin_data {{ database_type = "{database}" connection_string = "{connection}" }} }}
  KeyManager "disk" {{ plugin_data {{ keys_path = "{self.folder}/server/keys.json" }} }}
  {self.server_plugins}
}}
""")
        with open(f"{self.folder}/agent.conf", "w") as file:
            file.write(f"""
agent {{
  server_address = "127.0.0.1"
  server_port = {self.port}
  socket_path = "{self.socket('agent')}"
  trust_domain = "{self.trust_domain}"
  data_dir = "{self.folder}/agent"
  log_level = "DEBUG"
  insecure_bootstrap = true
  {self.agent_options}
}}
plugins {{
  KeyManager "disk" {{ plugin_data {{ directory = "{self.folder}/agent" }} }}
  WorkloadAttestor "unix" {{ plugin_data {{}} }}
  {self.agent_plugins}
}}
""")

    def start(self, kind, who, *arguments):
        """Starts a daemon and returns when it calls itself healthy."""
        self._write()
        with open(f"{self.folder}/{kind}.log", "a") as log:
            process = subprocess.Popen(
                [program(who, kind), "run", "-config", f"{self.folder}/{kind}.conf", *arguments], stdout=log, stderr=log)
        self.processes[kind] = process

        def healthy():
            if process.poll() is not None:
                raise Failure(f"{who}'s {kind} ended: {self.log(kind)[-700:]}")
            return not subprocess.run(
                [program(who, kind), "healthcheck", "-socketPath", self.socket(kind)], capture_output=True).returncode

        wait(f"{who}'s {kind} is healthy", healthy)

    def stop(self, kind):
        process = self.processes.pop(kind, None)
        if process:
            process.terminate()
            process.wait(30)

    def runs(self, kind):
        return self.processes[kind].poll() is None

    def log(self, kind):
        with open(f"{self.folder}/{kind}.log") as file:
            return file.read()

    def server(self, who, *command, check=True):
        """A client command of one implementation, whichever serves."""
        return run(program(who, "server"), *command, "-socketPath", self.socket("server"), check=check)

    def server_json(self, who, *command):
        return json.loads(self.server(who, *command, "-output", "json"))

    def token(self, who, spiffe_id="spiffe://example.org/node"):
        return self.server(who, "token", "generate", "-spiffeID", spiffe_id).split()[1]

    def entry(self, who, spiffe_id, parent="spiffe://example.org/node", *options):
        return self.server(
            who, "entry", "create", "-spiffeID", spiffe_id, "-parentID", parent, "-selector", f"unix:uid:{os.getuid()}",
            *options)

    def agents(self, who=OURS):
        return self.server_json(who, "agent", "list").get("agents", [])

    def fetch(self, who=OURS, write=None):
        """The SPIFFE IDs that a workload of this user has, sorted."""
        command = [program(who, "agent"), "api", "fetch", "x509", "-socketPath", self.socket("agent")]
        if write:
            os.makedirs(write, exist_ok=True)
            command += ["-write", write]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        return sorted(line.split()[-1] for line in done.stdout.splitlines() if line.startswith("SPIFFE ID:"))

    def roots(self, who=OURS):
        document = json.loads(self.server(who, "bundle", "show", "-format", "spiffe"))
        return sorted(key["x5c"][0] for key in document["keys"] if key["use"] == "x509-svid")
