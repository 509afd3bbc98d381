"""Authorities made and read by hand: CA certificates, key files, bundles and journals, with the cryptography package."""
import base64
import datetime
import hashlib
import json

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import tables
import wire

DER = serialization.Encoding.DER
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo


def authority_id(public_key):
    """Lower-case hex of the SHA-1 of the subjectPublicKey bits."""
    point = public_key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return hashlib.sha1(point).hexdigest()


def pkix(key):
    return key.public_key().public_bytes(DER, SPKI)


class Authority:
    """A self-signed CA of the profile that servers make."""

    def __init__(self, trust_domain="example.org", hours=24, now=None):
        self.key = ec.generate_private_key(ec.SECP256R1())
        now = now or datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        self.issued_at, self.not_after = now, now + datetime.timedelta(hours=hours)
        serial = x509.random_serial_number()
        name = x509.Name([
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "SPIFFE"),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, str(serial))])
        usage = dict.fromkeys(["digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
                               "key_agreement", "encipher_only", "decipher_only"], False)
        self.certificate = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.key.public_key())
            .serial_number(serial).not_valid_before(now - datetime.timedelta(seconds=10))
            .not_valid_after(self.not_after)
            .add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), True)
            .add_extension(x509.BasicConstraints(True, None), True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False)
            .add_extension(x509.SubjectAlternativeName(
                [x509.UniformResourceIdentifier("spiffe://" + trust_domain)]), False)
            .sign(self.key, hashes.SHA256()))
        self.der = self.certificate.public_bytes(DER)
        self.id = authority_id(self.key.public_key())

    def entry(self, slot, status):
        return {1: slot, 2: int(self.issued_at.timestamp()), 3: self.der, 5: status, 6: self.id,
                7: int(self.not_after.timestamp())}


class JWTKey:
    def __init__(self, kid, hours=24):
        self.key, self.kid = ec.generate_private_key(ec.SECP256R1()), kid
        self.issued_at = int(datetime.datetime.now().timestamp())
        self.not_after = self.issued_at + hours * 3600

    def entry(self, slot, status):
        return {1: slot, 2: self.issued_at, 3: self.not_after, 4: self.kid, 5: pkix(self.key), 6: status, 7: self.kid}

    @property
    def listed(self):
        return {1: pkix(self.key), 2: self.kid, 3: self.not_after}


def write_keys(path, keys):
    """The KeyManager's file: indented with tabs, PKCS#8 in base64."""
    form = (DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    texts = {name: base64.b64encode(key.private_bytes(*form)).decode() for name, key in keys.items()}
    with open(path, "w") as file:
        json.dump({"keys": dict(sorted(texts.items()))}, file, indent="\t")


def read_keys(path):
    with open(path, "rb") as file:
        text = file.read()
    content = json.loads(text)
    assert list(content) == ["keys"], content.keys()
    # Byte for byte what Go's encoder writes.
    assert json.dumps({"keys": dict(sorted(content["keys"].items()))}, indent="\t").encode() == text, "the key file's form"
    return {name: serialization.load_der_private_key(base64.b64decode(value), None)
            for name, value in content["keys"].items()}


def what_a_server_finds(database, keys_path, now=None, trust_domain="example.org"):
    """Starts as the reference says a server does: looks for its journal by its keys, and keeps what it can use.

    Returns the current and next authority of both kinds as {"x509": [...], "jwt": [...]} of journal entries.
    """
    db, keys = tables.connect(database), read_keys(keys_path)
    now = now or datetime.datetime.now().timestamp()
    ids = {authority_id(key.public_key()) for key in keys.values()}
    own = [row for row in tables.rows(db, "ca_journals") if row["active_x509_authority_id"] in ids]
    assert len(own) == 1, f"{len(own)} journals belong to these keys"
    journal = wire.exact(wire.JOURNAL, own[0]["data"], "journal")
    bundle = next(wire.exact(wire.BUNDLE, row["data"], "bundle") for row in tables.rows(db, "bundles")
                  if row["trust_domain"] == "spiffe://" + trust_domain)
    roots = [root[1] for root in bundle.get(2, [])]
    listed = {key[2]: key for key in bundle.get(3, [])}
    assert len(journal.get(1, [])) <= 10 and len(journal.get(2, [])) <= 10

    def usable_x509(entry):
        key = keys.get("x509-CA-" + entry[1])
        certificate = x509.load_der_x509_certificate(entry[3])
        return (entry[5] in (2, 3, 4) and key is not None and entry[7] > now and entry[3] in roots
                and certificate.public_key().public_bytes(DER, SPKI) == pkix(key)
                and authority_id(certificate.public_key()) == entry[6]
                and int(certificate.not_valid_after_utc.timestamp()) == entry[7])

    def usable_jwt(entry):
        key = keys.get("JWT-Signer-" + entry[1])
        return (entry[6] in (2, 3, 4) and key is not None and entry[3] > now and pkix(key) == entry[5]
                and listed.get(entry[4], {}).get(1) == entry[5] and listed[entry[4]][3] == entry[3]
                and entry[4] == entry[7])

    def slots(entries, usable, status):
        current = following = None
        for entry in reversed([entry for entry in entries if usable(entry)]):
            if entry[status] == wire.ACTIVE:
                current = current or entry
            else:
                following = following or entry
            if current and following:
                break
        return [current, following]

    return {"x509": slots(journal.get(1, []), usable_x509, 5), "jwt": slots(journal.get(2, []), usable_jwt, 6),
            "row": own[0]["id"], "journal": journal}
