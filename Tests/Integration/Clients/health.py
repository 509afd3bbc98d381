"""grpc.health.v1.Health of both programs, by grpcio: what it answers is the daemon's health; it knows no other service.

The server offers Check, List and Watch; the agent Check only.
"""
import os

import grpc

OF_SERVICE = b"\x0a\x03foo"


def refused(call, code, text=None):
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() == code and text in (None, error.details()), (error.code(), error.details())
    else:
        raise SystemExit(f"{text}: was not refused")


SERVER, AGENT = "unix://" + os.environ["SERVER_SOCKET"], os.environ["SPIFFE_ENDPOINT_SOCKET"]
for address in (SERVER, AGENT):
    channel = grpc.insecure_channel(address)
    unary = {name: channel.unary_unary(f"/grpc.health.v1.Health/{name}") for name in ("Check", "List", "Unknown")}
    watch = channel.unary_stream("/grpc.health.v1.Health/Watch")
    assert unary["Check"](b"", timeout=60) == b"\x08\x01", "not SERVING"
    refused(lambda: unary["Check"](OF_SERVICE, timeout=60), grpc.StatusCode.INVALID_ARGUMENT,
            "per-service health is not supported")
    if address == SERVER:
        # {"": SERVING}
        assert unary["List"](b"", timeout=60) == b"\x0a\x06\x0a\x00\x12\x02\x08\x01"
        stream = watch(b"", timeout=60)
        assert next(stream) == b"\x08\x01"
        stream.cancel()
    else:
        refused(lambda: unary["List"](b"", timeout=60), grpc.StatusCode.UNIMPLEMENTED, "method List not implemented")
        refused(lambda: next(watch(b"", timeout=60)), grpc.StatusCode.UNIMPLEMENTED, "method Watch not implemented")
    refused(lambda: unary["Unknown"](b"", timeout=60), grpc.StatusCode.UNIMPLEMENTED)
    channel.close()
print("ok")
