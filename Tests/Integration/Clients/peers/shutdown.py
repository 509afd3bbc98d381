"""SIGTERM with calls under way: the server says GOAWAY, its calls finish, then it ends with status 0. Ends the server and
the agent, so it comes last."""
import os
import signal

from subjects import endpoints, eventually, give_up_after


def is_refused(endpoint):
    try:
        endpoint.socket().close()
        return False
    except OSError:
        return True


give_up_after(200)
tcp, admin, agent = endpoints()
held = []
for e in (tcp, admin):
    c = e.connect()
    path, message, more = e.unary
    stream = c.begin(path, message[:2], end=False, more=more)
    c.ping()
    c.until(lambda: c.acks == 1, "the ping's answer")
    idle = e.connect()
    held.append((e, c, stream, message[2:], idle))
os.kill(tcp.process.pid, signal.SIGTERM)
for e, c, stream, rest, idle in held:
    c.until(lambda: c.goaway is not None, "GOAWAY")
    assert c.goaway == 0, c.goaway
    assert idle.until_closed() in (0, None), idle.goaway
    eventually("no new connections", lambda: is_refused(e))
    c.data(stream, rest, end=True)
    reply = c.finish(stream)
    assert reply.grpc == 0, (e.name, reply)
    c.until_closed()
eventually("the server has ended", lambda: not tcp.process.alive, 10)

# The agent's socket is closed at once, as upstream's.
with agent.connect() as c:
    stream = agent.open_stream(c)
    c.until(lambda: c.streams[stream].messages() or c.streams[stream].done, "an SVID")
    os.kill(agent.process.pid, signal.SIGTERM)
    c.until_closed()
eventually("the agent has ended", lambda: not agent.process.alive, 10)
print("shutdown: ok")
