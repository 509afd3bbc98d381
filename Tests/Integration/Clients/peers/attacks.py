"""Clients that want to do harm. After each, the process lives, its other connections work, its memory is bounded, its
descriptors are back, and its log says once per connection what was wrong."""
import time

from attacks_connections import slow_ends, slow_starts
from attacks_floods import CASES
from subjects import Runner, endpoints, selected


if __name__ == "__main__":
    runner = Runner()
    slow = [(e, slow_starts(e)) for e in endpoints()] if not selected([]) else []
    since = time.monotonic()
    for endpoint in endpoints():
        for function in selected(CASES):
            runner.run(endpoint, function)
    for endpoint, opened in slow:
        def slow_start(_):
            slow_ends(endpoint, opened, since)
        slow_start.__doc__ = slow_starts.__doc__
        slow_start.connections = 20
        runner.run(endpoint, slow_start)
    runner.end()
