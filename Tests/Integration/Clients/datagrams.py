"""Keeps what arrives over UDP: datagrams.py FOLDER STATSD DOGSTATSD M3. One line per datagram, in hex, in FOLDER/<name>.udp."""
import select
import socket
import sys

folder, ports = sys.argv[1], sys.argv[2:]
sockets = {}
for name, port in zip(["statsd", "dogstatsd", "m3"], ports):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    s.bind(("127.0.0.1", int(port)))
    sockets[s] = open(f"{folder}/{name}.udp", "a")
while True:
    for s in select.select(list(sockets), [], [])[0]:
        sockets[s].write(s.recv(65536).hex() + "\n")
        sockets[s].flush()
