"""Asks a front Envoy over and over, each time with a handshake to the Envoys behind it, until a file appears.

usage: load.py PORT STOP_FILE REPORT_FILE PATH=SERVER_ID=CLIENT_ID...
Every answer must be 200 and carry the two IDs that the Envoys saw of each other. The report is rewritten after each
round: "requests failures", then the first failures. Exit 1 if any failed.
"""
import os
import sys
import urllib.error
import urllib.request

port, stop, report, *targets = sys.argv[1:]
targets = [target.split("=") for target in targets]
count, failures = 0, []
while not os.path.exists(stop):
    for path, server, client in targets:
        count += 1
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
                seen = (answer.headers["x-server-id"], answer.headers["x-client-id"])
                if seen != (server, client):
                    failures.append(f"{path}: {seen}")
        except (OSError, urllib.error.URLError) as error:
            body = error.read().decode(errors="replace") if isinstance(error, urllib.error.HTTPError) else ""
            failures.append(f"{path}: {error} {body}")
    with open(report + ".new", "w") as file:
        file.write(f"{count} {len(failures)}\n" + "\n".join(failures[:5]))
    os.replace(report + ".new", report)
print(count, "requests,", len(failures), "failed", *failures[:5])
sys.exit(1 if failures else 0)
