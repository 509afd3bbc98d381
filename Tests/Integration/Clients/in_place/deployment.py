"""Starts the programs under test on files of the caller's, and asks them. Everything ends with the script."""
import atexit
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

SERVER, AGENT = os.environ["SERVER_PROGRAM"], os.environ["AGENT_PROGRAM"]
TESTDATA = os.environ.get("SPIRE_TESTDATA", "")
CLOCK_LIBRARY = os.environ.get("SHIFTED_CLOCK_LIBRARY", "")


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def wait(what, condition, log=None, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"did not happen: {what}\n{open(log).read()[-5000:] if log else ''}")


class Deployment:
    def __init__(self, server_options="", datastore_options="", agent_options=""):
        self.folder = tempfile.mkdtemp(prefix="spire-ip-")
        atexit.register(shutil.rmtree, self.folder, True)
        for name in ("s", "a"):
            os.mkdir(f"{self.folder}/{name}")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.database, self.keys = f"{self.folder}/s/datastore.sqlite3", f"{self.folder}/s/keys.json"
        self.socket, self.agent_socket = f"{self.folder}/s/api.sock", f"{self.folder}/a/api.sock"
        self.bundle = f"{self.folder}/bundle.pem"
        self.options, self.datastore_options, self.agent_options = server_options, datastore_options, agent_options
        self.environment = dict(os.environ)
        self.processes = {}

    def _write(self):
        with open(f"{self.folder}/server.conf", "w") as file:
            file.write(f"""
server {{
  trust_domain = "example.org"
  bind_address = "127.0.0.1"
  bind_port = {self.port}
  data_dir = "{self.folder}/s"
  socket_path = "{self.socket}"
  log_level = "DEBUG"
  {self.options}
}}
plugins {{
  DataStore "sql" {{ plugin_data {{
    database_type = "sqlite3"
    connection_string = "{self.database}"
    {self.datastore_options}
  }} }}
  KeyManager "disk" {{ plugin_data {{ keys_path = "{self.keys}" }} }}
  NodeAttestor "join_token" {{ plugin_data {{}} }}
}}
""")
        with open(f"{self.folder}/agent.conf", "w") as file:
            file.write(f"""
agent {{
  trust_domain = "example.org"
  server_address = "127.0.0.1"
  server_port = {self.port}
  data_dir = "{self.folder}/a"
  socket_path = "{self.agent_socket}"
  trust_bundle_path = "{self.bundle}"
  log_level = "DEBUG"
  {self.agent_options}
}}
plugins {{
  NodeAttestor "join_token" {{ plugin_data {{}} }}
  KeyManager "disk" {{ plugin_data {{ directory = "{self.folder}/a" }} }}
  WorkloadAttestor "unix" {{ plugin_data {{}} }}
}}
""")

    def shift_clock(self, seconds):
        """Moves the wall clock of what is started from now on, and of what runs."""
        path = f"{self.folder}/clock"
        with open(path, "r+b" if os.path.exists(path) else "wb") as file:
            file.write(seconds.to_bytes(8, "little", signed=True))
        self.environment.update(LD_PRELOAD=CLOCK_LIBRARY, SHIFTED_CLOCK=path)

    def log(self, name="server"):
        with open(f"{self.folder}/{name}.log") as file:
            return file.read()

    def _start(self, name, command):
        log = open(f"{self.folder}/{name}.log", "a")
        self.processes[name] = subprocess.Popen(
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.environment,
            preexec_fn=_die_with_parent)
        return self.processes[name]

    def start_server(self):
        self._write()
        process = self._start("server", [SERVER, "run", "-config", f"{self.folder}/server.conf"])

        def healthy():
            assert process.poll() is None, self.log()
            return self.run("healthcheck").returncode == 0

        wait("the server is healthy", healthy, f"{self.folder}/server.log")

    def refused(self):
        """What a server says that ends at once."""
        self._write()
        done = subprocess.run([SERVER, "run", "-config", f"{self.folder}/server.conf"], capture_output=True, text=True,
                              env=self.environment, timeout=60)
        assert done.returncode == 1, done.stdout
        return done.stdout + done.stderr

    def start_agent(self, token=None):
        with open(self.bundle, "w") as file:
            file.write(self.command("bundle", "show"))
        command = [AGENT, "run", "-config", f"{self.folder}/agent.conf"] + (["-joinToken", token] if token else [])
        process = self._start("agent", command)

        def healthy():
            assert process.poll() is None, self.log("agent")
            return subprocess.run([AGENT, "healthcheck", "-socketPath", self.agent_socket],
                                  capture_output=True).returncode == 0

        wait("the agent is healthy", healthy, f"{self.folder}/agent.log")

    def stop(self, name="server"):
        process = self.processes.pop(name)
        process.terminate()
        assert process.wait(30) == 0, self.log(name)[-3000:]

    def run(self, *arguments):
        return subprocess.run([SERVER, *arguments, "-socketPath", self.socket], capture_output=True, text=True,
                              env=self.environment)

    def command(self, *arguments):
        done = self.run(*arguments)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}{self.log()[-3000:]}"
        return done.stdout

    def json(self, *arguments):
        return json.loads(self.command(*arguments, "-output", "json"))

    def fetch(self, *more):
        return subprocess.run([AGENT, "api", "fetch", *more, "-socketPath", self.agent_socket], capture_output=True,
                              text=True, env=self.environment)
