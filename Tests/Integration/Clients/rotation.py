"""Watches X509-SVIDs over several lifetimes: at every moment there is one that is valid and verifies."""
import sys
import time
import threading
from datetime import datetime, timezone

from spiffe import TrustDomain, WorkloadApiClient

wanted = int(sys.argv[1])
lock = threading.Lock()
state = {"context": None, "serials": [], "error": None}


def update(context):
    with lock:
        state["context"] = context
        serial = context.default_svid.leaf.serial_number
        if serial not in state["serials"]:
            state["serials"].append(serial)


def failed(error):
    with lock:
        state["error"] = error


with WorkloadApiClient() as client:
    handle = client.stream_x509_contexts(update, failed, retry_connect=False)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with lock:
            context, serials, error = state["context"], list(state["serials"]), state["error"]
        if error is not None:
            raise SystemExit(f"the stream ended: {error}")
        if context is not None:
            leaf = context.default_svid.leaf
            now = datetime.now(timezone.utc)
            assert leaf.not_valid_before_utc <= now < leaf.not_valid_after_utc, f"a gap: {leaf.not_valid_after_utc} at {now}"
            bundle = context.x509_bundle_set.get_bundle_for_trust_domain(TrustDomain("example.org"))
            for authority in bundle.x509_authorities:
                try:
                    leaf.verify_directly_issued_by(authority)
                    break
                except Exception:
                    continue
            else:
                raise SystemExit("the SVID is signed by no authority of the bundle")
        if len(serials) >= wanted:
            break
        time.sleep(0.05)
    else:
        raise SystemExit(f"only {len(state['serials'])} SVIDs in time")
    handle.cancel()
print("rotation: ok")
