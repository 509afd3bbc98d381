"""Verifies JWT-SVIDs as any relying party verifies OIDC tokens: PyJWT finds the keys through discovery.

usage: oidc_client.py token AUDIENCE                    prints a JWT-SVID from the Workload API
       oidc_client.py verify BASE_URL TOKEN AUDIENCE    over HTTPS; SSL_CERT_FILE names the authority
       oidc_client.py socket PATH HOST TOKEN AUDIENCE   over HTTP on a Unix socket
Prints the subject of the verified token.
"""
import http.client
import json
import socket
import sys
import urllib.request

import jwt


def verify(fetch, keys, token, audience, base):
    document = json.loads(fetch(base + "/.well-known/openid-configuration"))
    assert document["response_types_supported"] == ["id_token"], document
    key = keys(document["jwks_uri"]).get_signing_key_from_jwt(token)
    claims = jwt.decode(
        token, key, algorithms=document["id_token_signing_alg_values_supported"], audience=audience,
        issuer=document["issuer"])
    print(claims["sub"])


class Connection(http.client.HTTPConnection):
    def __init__(self, path, host):
        super().__init__(host)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def main():
    what, *rest = sys.argv[1:]
    if what == "token":
        from spiffe import WorkloadApiClient
        with WorkloadApiClient() as client:
            print(client.fetch_jwt_svid(audience={rest[0]}).token)
    elif what == "verify":
        base, token, audience = rest
        verify(lambda url: urllib.request.urlopen(url, timeout=20).read(), jwt.PyJWKClient, token, audience, base)
    else:
        path, host, token, audience = rest

        def fetch(url):
            connection = Connection(path, host.split("/")[0])
            connection.request("GET", "/" + url.split("/", 3)[3])
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 200, (answer.status, body)
            return body

        class Keys(jwt.PyJWKClient):
            def fetch_data(self):
                return json.loads(fetch(self.uri))

        verify(fetch, Keys, token, audience, "https://" + host)


main()
