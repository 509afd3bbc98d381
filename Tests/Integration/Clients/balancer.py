"""A TCP load balancer for tests of several servers: passes connections on to the backends that a file names.

usage: balancer.py PORT FILE      (FILE: ports of 127.0.0.1, separated by blanks; read again when it changes)

Backends take turns. One that does not answer is passed over; connections to one that is no longer in the file are cut.
"""
import asyncio
import sys
from pathlib import Path

PORT, FILE = int(sys.argv[1]), Path(sys.argv[2])
open_connections = {}
turn = 0


def backends():
    try:
        return [int(word) for word in FILE.read_text().split()]
    except FileNotFoundError:
        return []


async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def serve(reader, writer):
    global turn
    ports = backends()
    turn += 1
    for number in range(len(ports)):
        port = ports[(turn + number) % len(ports)]
        try:
            upstream, downstream = await asyncio.open_connection("127.0.0.1", port)
            break
        except OSError:
            continue
    else:
        writer.transport.abort()
        return
    key = (writer, downstream)
    open_connections[key] = port
    await asyncio.gather(copy(reader, downstream), copy(upstream, writer))
    open_connections.pop(key, None)


async def watch():
    """Cuts connections to backends that are gone from the file."""
    while True:
        await asyncio.sleep(0.05)
        ports = backends()
        for (one, other), port in list(open_connections.items()):
            if port not in ports:
                one.transport.abort()
                other.transport.abort()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", PORT, backlog=512)
    async with server:
        await asyncio.gather(server.serve_forever(), watch())


asyncio.run(main())
