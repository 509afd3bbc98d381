"""The cryptography package and py-spiffe check SVIDs of a key type: what signed them, and that it did.

usage: key_types.py CA_TYPE JWT_TYPE WORKLOAD_TYPE BUNDLE_DOCUMENT; the agent is at SPIFFE_ENDPOINT_SOCKET
"""
import base64
import json
import sys

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from spiffe import JwtSvid, WorkloadApiClient

ca_type, jwt_type, workload_type, document = sys.argv[1:5]
algorithms = {"ec-p256": "ES256", "ec-p384": "ES384", "rsa-2048": "RS256", "rsa-4096": "RS256"}
signatures = {"ec-p256": "ecdsa-with-SHA256", "ec-p384": "ecdsa-with-SHA384"}


def key_type(key):
    if isinstance(key, rsa.RSAPublicKey):
        return f"rsa-{key.key_size}"
    assert isinstance(key, ec.EllipticCurvePublicKey), key
    return {"secp256r1": "ec-p256", "secp384r1": "ec-p384"}[key.curve.name]


def number(text):
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


def jwk_key(jwk):
    if jwk["kty"] == "RSA":
        return rsa.RSAPublicNumbers(number(jwk["e"]), number(jwk["n"])).public_key()
    curve = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}[jwk["crv"]]
    return ec.EllipticCurvePublicNumbers(number(jwk["x"]), number(jwk["y"]), curve).public_key()


def spki(key):
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


keys = json.load(open(document))["keys"]
authorities = [k for k in keys if k["use"] == "x509-svid"]
tokens = {k["kid"]: k for k in keys if k["use"] == "jwt-svid"}
assert authorities and tokens
for jwk in authorities:
    certificate = x509.load_der_x509_certificate(base64.b64decode(jwk["x5c"][0]))
    assert key_type(certificate.public_key()) == ca_type, certificate.public_key()
    assert spki(jwk_key(jwk)) == spki(certificate.public_key())
    certificate.verify_directly_issued_by(certificate)
for jwk in tokens.values():
    assert key_type(jwk_key(jwk)) == jwt_type, jwk

with WorkloadApiClient() as client:
    svid = client.fetch_x509_svid()
    assert key_type(svid.leaf.public_key()) == workload_type, svid.leaf.public_key()
    assert spki(svid.private_key.public_key()) == spki(svid.leaf.public_key())
    bundle = client.fetch_x509_bundles().get_bundle_for_trust_domain(svid.spiffe_id.trust_domain)
    root = list(bundle.x509_authorities)[0]
    svid.leaf.verify_directly_issued_by(root)
    name = svid.leaf.signature_algorithm_oid._name
    assert name == signatures.get(ca_type, "sha256WithRSAEncryption"), name
    token = client.fetch_jwt_svid(audience={"db"}).token
    header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
    assert header["alg"] == algorithms[jwt_type], header
    assert header["kid"] in tokens
    JwtSvid.parse_and_validate(
        token, client.fetch_jwt_bundles().get_bundle_for_trust_domain(svid.spiffe_id.trust_domain), {"db"})
    client.validate_jwt_svid(token, "db")
print("key types: ok")
