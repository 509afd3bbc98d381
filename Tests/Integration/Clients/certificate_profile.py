"""The cryptography package reads each extension of an X509-SVID and of its CA (server-behaviour §4)."""
import sys
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

leaf_path, bundle_path, spiffe_id = sys.argv[1:4]
dns_names = sys.argv[4:]
leaf = x509.load_pem_x509_certificate(open(leaf_path, "rb").read())
ca = x509.load_pem_x509_certificates(open(bundle_path, "rb").read())[0]


def order(certificate):
    return [e.oid for e in certificate.extensions]


def critical(certificate):
    return {e.oid for e in certificate.extensions if e.critical}


KU, EKU, BC = ExtensionOID.KEY_USAGE, ExtensionOID.EXTENDED_KEY_USAGE, ExtensionOID.BASIC_CONSTRAINTS
SKI, AKI, SAN = (ExtensionOID.SUBJECT_KEY_IDENTIFIER, ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
                 ExtensionOID.SUBJECT_ALTERNATIVE_NAME)

assert leaf.version == x509.Version.v3
assert order(leaf) == [KU, EKU, BC, SKI, AKI, SAN], order(leaf)
assert critical(leaf) == {KU, BC}
usage = leaf.extensions.get_extension_for_oid(KU).value
assert usage.digital_signature and usage.key_encipherment and usage.key_agreement
assert not (usage.key_cert_sign or usage.crl_sign or usage.content_commitment or usage.data_encipherment)
assert list(leaf.extensions.get_extension_for_oid(EKU).value) == [
    ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
constraints = leaf.extensions.get_extension_for_oid(BC).value
assert not constraints.ca
san = leaf.extensions.get_extension_for_oid(SAN).value
assert [type(n) for n in san] == [x509.DNSName] * len(dns_names) + [x509.UniformResourceIdentifier]
assert san.get_values_for_type(x509.UniformResourceIdentifier) == [spiffe_id]
assert san.get_values_for_type(x509.DNSName) == dns_names
subject = [(a.oid, a.value) for a in leaf.subject]
want = [(NameOID.COUNTRY_NAME, "US"), (NameOID.ORGANIZATION_NAME, "SPIRE")]
if dns_names:
    want.append((NameOID.COMMON_NAME, dns_names[0]))
assert subject == want, subject
assert leaf.issuer == ca.subject
digest = leaf.extensions.get_extension_for_oid(SKI).value
assert digest == x509.SubjectKeyIdentifier.from_public_key(leaf.public_key())
assert (leaf.extensions.get_extension_for_oid(AKI).value.key_identifier
        == ca.extensions.get_extension_for_oid(SKI).value.digest)
assert 0 < leaf.serial_number < 2**128
assert leaf.not_valid_before_utc >= ca.not_valid_before_utc
assert leaf.not_valid_after_utc <= ca.not_valid_after_utc
assert leaf.not_valid_after_utc - leaf.not_valid_before_utc > timedelta(seconds=10)
leaf.verify_directly_issued_by(ca)

assert order(ca) == [KU, BC, SKI, SAN], order(ca)
assert critical(ca) == {KU, BC}
usage = ca.extensions.get_extension_for_oid(KU).value
assert usage.key_cert_sign and usage.crl_sign and not usage.digital_signature
constraints = ca.extensions.get_extension_for_oid(BC).value
assert constraints.ca and constraints.path_length is None
assert ca.extensions.get_extension_for_oid(SAN).value.get_values_for_type(
    x509.UniformResourceIdentifier) == ["spiffe://example.org"]
attributes = {a.oid: a.value for a in ca.subject}
assert attributes[NameOID.COUNTRY_NAME] == "US" and attributes[NameOID.ORGANIZATION_NAME] == "SPIFFE"
assert attributes[NameOID.SERIAL_NUMBER] == str(ca.serial_number)
assert isinstance(ca.public_key().curve, ec.SECP256R1)
print("certificate profile: ok")
