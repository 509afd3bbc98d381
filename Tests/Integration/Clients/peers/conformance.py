"""RFC 9113 and gRPC over HTTP/2, case by case, against every endpoint of the daemons."""
import conformance_connections  # noqa: F401 (adds its cases)
from conformance_calls import CASES
from subjects import Runner, endpoints, selected

if __name__ == "__main__":
    runner = Runner()
    for endpoint in endpoints():
        for function in selected(CASES):
            runner.run(endpoint, function)
    runner.end()
