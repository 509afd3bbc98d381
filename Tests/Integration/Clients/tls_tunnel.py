"""Mutual TLS for clients that cannot check SPIFFE IDs: a local socket in plain text, whose bytes go through TLS.

grpcio compares a server's certificate with a DNS name, which SVIDs do not have. The tunnel verifies the chain with
OpenSSL and the SPIFFE ID by itself.
"""
import select
import socket
import ssl
import tempfile
import threading

from cryptography import x509


class Tunnel:
    """`address` is what grpcio connects to; `failure` is the last error of a handshake."""

    def __init__(self, target, credential, roots, server_id):
        self.target, self.server_id, self.failure, self.count = target, server_id, None, 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname = False
        self.context.load_verify_locations(cadata=b"".join(roots))
        self.context.set_alpn_protocols(["h2"])
        self.folder = tempfile.TemporaryDirectory()
        if credential:
            chain, key = credential
            with open(self.folder.name + "/chain.pem", "wb") as file:
                file.write(b"".join(chain))
            with open(self.folder.name + "/key.pem", "wb") as file:
                file.write(key)
            self.context.load_cert_chain(self.folder.name + "/chain.pem", self.folder.name + "/key.pem")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.folder.name + "/s")
        self.listener.listen()
        self.address = "unix://" + self.folder.name + "/s"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            plain, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(plain,), daemon=True).start()

    def connect(self, session=None):
        if isinstance(self.target, str):
            raw = socket.socket(socket.AF_UNIX)
            raw.connect(self.target)
        else:
            raw = socket.create_connection(self.target)
        return self.context.wrap_socket(raw, session=session)

    def serve(self, plain):
        try:
            secure = self.connect()
            leaf = x509.load_der_x509_certificate(secure.getpeercert(True))
            names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            ids = names.get_values_for_type(x509.UniformResourceIdentifier)
            assert ids == [self.server_id], ids
            self.count += 1
        except Exception as error:
            self.failure = error
            plain.close()
            return
        try:
            self.pump(plain, secure)
        except Exception as error:
            # With TLS 1.3 a server's refusal comes after the handshake.
            if isinstance(error, ssl.SSLError):
                self.failure = error
        for end in (plain, secure):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def pump(self, plain, secure):
        """Both directions in one thread: OpenSSL's connections are not for two at a time."""
        secure.setblocking(False)
        while True:
            ready = [secure] if secure.pending() else select.select([plain, secure], [], [])[0]
            if secure in ready:
                try:
                    data = secure.recv(65536)
                    if not data:
                        return
                    plain.sendall(data)
                except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    pass
            if plain in ready:
                data = plain.recv(65536)
                if not data:
                    return
                self.send(secure, data)

    @staticmethod
    def send(secure, data):
        while data:
            try:
                data = data[secure.send(data):]
            except ssl.SSLWantWriteError:
                select.select([], [secure], [])
            except ssl.SSLWantReadError:
                select.select([secure], [], [])
