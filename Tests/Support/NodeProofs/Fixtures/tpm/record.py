#!/usr/bin/env python3
"""Records the fixtures of tpm_devid from swtpm and tpm2-tools, into this folder and ../messages.

usage: record.py
Needs swtpm, swtpm_setup with swtpm_localca, tpm2-tools and Python's `cryptography`. Nothing of this repository takes
part: messages are joined strings, credentials are computed here from TCG TPM 2.0 Library Part 1, and a TPM opens them.
"""
import base64
import datetime
import hashlib
import hmac
import os
import secrets
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
try:
    from cryptography.hazmat.decrepit.ciphers.modes import CFB
except ImportError:
    from cryptography.hazmat.primitives.ciphers.modes import CFB
from cryptography.x509.oid import NameOID

HERE = Path(__file__).resolve().parent
MESSAGES = HERE.parent / "messages"
RESIDENT = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth"
HASHES = {0x000B: "sha256", 0x000C: "sha384", 0x000D: "sha512"}
SINCE, UNTIL = datetime.datetime(2020, 1, 1), datetime.datetime(2099, 1, 1)


def free_ports():
    while True:
        with socket.socket() as a, socket.socket() as b:
            a.bind(("127.0.0.1", 0))
            port = a.getsockname()[1]
            try:
                b.bind(("127.0.0.1", port + 1))
                return port
            except OSError:
                pass


class TPM:
    """A TPM with an endorsement certificate of an authority in `ca`."""

    def __init__(self, folder, ca):
        self.folder = folder
        (folder / "state").mkdir(parents=True)
        (folder / "localca.conf").write_text(
            f"statedir = {ca}\nsigningkey = {ca}/signkey.pem\nissuercert = {ca}/issuercert.pem\ncertserial = {ca}/serial\n")
        (folder / "localca.options").write_text(
            "--tpm-manufacturer id:00001014\n--tpm-model swtpm\n--tpm-version id:20191023\n"
            "--platform-manufacturer Test\n--platform-version 1\n--platform-model Test\n")
        (folder / "setup.conf").write_text(
            "create_certs_tool = swtpm_localca\n"
            f"create_certs_tool_config = {folder}/localca.conf\ncreate_certs_tool_options = {folder}/localca.options\n")
        subprocess.run(
            ["swtpm_setup", "--tpm2", "--tpmstate", folder / "state", "--create-ek-cert", "--config", folder / "setup.conf"],
            check=True, stdout=subprocess.DEVNULL)
        port = free_ports()
        self.process = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={folder}/state", "--server", f"type=tcp,port={port}",
             "--ctrl", f"type=tcp,port={port + 1}", "--flags", "not-need-init,startup-clear"])
        self.environment = dict(os.environ, TPM2TOOLS_TCTI=f"swtpm:host=127.0.0.1,port={port}")
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port + 1)).close()
                break
            except OSError:
                time.sleep(0.05)
        self("createek", "-G", "rsa", "-c", "ek.ctx", "-u", "ek.pub")
        self("nvread", "0x01c00002", "-o", "ek.der")
        for kind, size in [("rsa", "rsa2048"), ("ecc", "ecc256")]:
            self("createprimary", "-C", "o", "-G", f"{size}:aes128cfb", "-c", f"srk-{kind}.ctx",
                 "-a", RESIDENT + "|noda|restricted|decrypt")
        self.key("ak", "rsa", "rsa2048:rsassa-sha256:null", RESIDENT + "|noda|restricted|sign")

    def __call__(self, command, *arguments):
        # No resource manager stands before the simulator: nothing stays loaded.
        for what in "-t", "-s", "-l":
            if command not in ("policysecret", "activatecredential"):
                subprocess.run(["tpm2_flushcontext", what], env=self.environment, cwd=self.folder, capture_output=True)
        return subprocess.run(
            ["tpm2_" + command, *arguments], env=self.environment, cwd=self.folder, check=True, capture_output=True).stdout

    def read(self, name):
        return (self.folder / name).read_bytes()

    def key(self, name, parent, algorithm, attributes):
        self("create", "-C", f"srk-{parent}.ctx", "-G", algorithm, "-a", attributes, "-u", f"{name}.pub", "-r", f"{name}.priv")
        self("load", "-C", f"srk-{parent}.ctx", "-u", f"{name}.pub", "-r", f"{name}.priv", "-c", f"{name}.ctx", "-n", f"{name}.name")
        self("readpublic", "-c", f"{name}.ctx", "-f", "pem", "-o", f"{name}.pem")

    def public(self, name):
        data = self.read(f"{name}.pub")
        assert struct.unpack(">H", data[:2])[0] == len(data) - 2
        return data[2:]

    def certify(self, name):
        self("certify", "-c", f"{name}.ctx", "-C", "ak.ctx", "-g", "sha256", "-o", f"{name}.attest", "-s", f"{name}.sig")
        return self.read(f"{name}.attest"), self.read(f"{name}.sig")

    def activate(self, identity, secret):
        (self.folder / "blob").write_bytes(
            struct.pack(">II", 0xBADCC0DE, 1) + struct.pack(">H", len(identity)) + identity + struct.pack(">H", len(secret)) + secret)
        self("startauthsession", "--policy-session", "-S", "session.ctx")
        self("policysecret", "-S", "session.ctx", "-c", "e")
        self("activatecredential", "-c", "ak.ctx", "-C", "ek.ctx", "-i", "blob", "-o", "secret", "-P", "session:session.ctx")
        return self.read("secret")

    def sign(self, name, message):
        (self.folder / "message").write_bytes(message)
        self("sign", "-c", f"{name}.ctx", "-g", "sha256", "-f", "plain", "-o", "signature", "message")
        return self.read("signature")


def mgf1(seed, count, name):
    out, counter = b"", 0
    while len(out) < count:
        out += hashlib.new(name, seed + struct.pack(">I", counter)).digest()
        counter += 1
    return out[:count]


def kdfa(name, key, label, context, bits):
    out, counter = b"", 1
    while len(out) < bits // 8:
        out += hmac.new(key, struct.pack(">I", counter) + label + b"\0" + context + struct.pack(">I", bits), name).digest()
        counter += 1
    return out[:bits // 8]


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def make_credential(content, ak_name, modulus, exponent, hash_name, key_bits, seed, oaep_seed):
    size = hashlib.new(hash_name).digest_size
    key = kdfa(hash_name, seed, b"STORAGE", ak_name, key_bits)
    encryptor = Cipher(algorithms.AES(key), CFB(bytes(16))).encryptor()
    encrypted = encryptor.update(struct.pack(">H", len(content)) + content) + encryptor.finalize()
    mac = hmac.new(kdfa(hash_name, seed, b"INTEGRITY", b"", 8 * size), encrypted + ak_name, hash_name).digest()
    length = (modulus.bit_length() + 7) // 8
    data = hashlib.new(hash_name, b"IDENTITY\0").digest() + bytes(length - len(seed) - 2 * size - 2) + b"\1" + seed
    masked_data = xor(data, mgf1(oaep_seed, len(data), hash_name))
    masked_seed = xor(oaep_seed, mgf1(masked_data, size, hash_name))
    number = int.from_bytes(b"\0" + masked_seed + masked_data, "big")
    return struct.pack(">H", size) + mac + encrypted, pow(number, exponent, modulus).to_bytes(length, "big")


def known_credential(tpm, bits, name_algorithm, key_bits):
    """What tpm2_makecredential makes for a key whose private half is here, and the random numbers that it took."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    numbers = key.private_numbers()
    n, hash_name = numbers.public_numbers.n, HASHES[name_algorithm]
    size = hashlib.new(hash_name).digest_size
    policy = secrets.token_bytes(size)
    public = (struct.pack(">HHI", 1, name_algorithm, 0x000300B2) + struct.pack(">H", size) + policy
              + struct.pack(">HHHHHI", 6, key_bits, 0x43, 0x10, bits, 0) + struct.pack(">H", bits // 8) + n.to_bytes(bits // 8, "big"))
    (tpm.folder / "soft.pub").write_bytes(struct.pack(">H", len(public)) + public)
    content, ak_name = secrets.token_bytes(size), tpm.read("ak.name")
    (tpm.folder / "content").write_bytes(content)
    tpm("makecredential", "-T", "none", "-u", "soft.pub", "-s", "content", "-n", ak_name.hex(), "-o", "known")
    blob = tpm.read("known")[8:]
    length = struct.unpack(">H", blob[:2])[0]
    identity, secret = blob[2:2 + length], blob[4 + length:]
    block = pow(int.from_bytes(secret, "big"), numbers.d, n).to_bytes(bits // 8, "big")
    oaep_seed = xor(block[1:1 + size], mgf1(block[1 + size:], size, hash_name))
    data = xor(block[1 + size:], mgf1(oaep_seed, bits // 8 - size - 1, hash_name))
    seed = data[size:].lstrip(b"\0")[1:]
    assert make_credential(content, ak_name, n, 65537, hash_name, key_bits, seed, oaep_seed) == (identity, secret)
    return [public, ak_name, content, seed, oaep_seed, identity, secret]


def name_of(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(subject, key, issuer, issuer_key, ca):
    builder = x509.CertificateBuilder().subject_name(name_of(subject)).issuer_name(name_of(issuer)).public_key(key)
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(SINCE).not_valid_after(UNTIL)
    builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
    if not ca:
        usage = dict.fromkeys(["content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign",
                               "crl_sign", "encipher_only", "decipher_only"], False)
        builder = builder.add_extension(x509.KeyUsage(digital_signature=True, **usage), critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


def der(made):
    return made.public_bytes(serialization.Encoding.DER)


def pem(*made):
    return "".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in made)


def b64(data):
    return base64.b64encode(data).decode()


def trimmed(data):
    """A certificate without what stands behind it in the TPM's memory."""
    return data[:4 + struct.unpack(">H", data[2:4])[0]]


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        ca = folder / "ca"
        ca.mkdir()
        tpm, other = TPM(folder / "a", ca), TPM(folder / "b", ca)
        try:
            record(tpm, other, ca)
        finally:
            for each in tpm, other:
                each.process.terminate()
                each.process.wait()


def record(tpm, other, ca):
    root_key, middle_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = certificate("DevID Root", root_key.public_key(), "DevID Root", root_key, True)
    middle = certificate("DevID Issuing", middle_key.public_key(), "DevID Root", root_key, True)
    (HERE / "devid-root.pem").write_text(pem(root))
    (HERE / "devid-issuing.pem").write_text(pem(middle))
    issuing_key = middle_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (HERE / "devid-issuing.key").write_bytes(issuing_key)
    (HERE / "ek-ca.pem").write_text((ca / "swtpm-localca-rootca-cert.pem").read_text() + (ca / "issuercert.pem").read_text())
    ek_certificate, ek, ak = trimmed(tpm.read("ek.der")), tpm.public("ek"), tpm.public("ak")
    modulus = int.from_bytes(ek[-256:], "big")
    random = bytes(range(128))
    assert tpm.read("ak.name") == b"\x00\x0b" + hashlib.sha256(ak).digest()
    credential = make_credential(
        random[32:64], tpm.read("ak.name"), modulus, 65537, "sha256", 128, random[64:96], random[96:128])
    activated = tpm.activate(*credential)
    assert activated == random[32:64]
    # The name counts: the same secret for the other TPM's key is not opened.
    try:
        tpm.activate(*make_credential(
            random[32:64], other.read("ak.name"), modulus, 65537, "sha256", 128, random[64:96], random[96:128]))
        raise SystemExit("the TPM opened a credential for a key of another one")
    except subprocess.CalledProcessError:
        pass
    challenge = (f'{{"DevID":"{b64(random[:32])}","CredActivation":{{"Credential":"{b64(credential[0])}",'
                 f'"Secret":"{b64(credential[1])}"}}}}')
    (MESSAGES / "tpm_devid-challenge.json").write_text(challenge)

    def payload(leaf, owner, key):
        attestation, signature = owner.certify(key)
        chain = ",".join(f'"{b64(der(one))}"' for one in (leaf, middle))
        return (f'{{"DevIDCert":[{chain}],"DevIDPub":"{b64(owner.public(key))}","EKCert":"{b64(ek_certificate)}",'
                f'"EKPub":"{b64(ek)}","AKPub":"{b64(owner.public("ak"))}","CertifiedDevID":"{b64(attestation)}",'
                f'"CertificationSignature":"{b64(signature)}"}}')

    for name, parent, algorithm in [("rsa", "rsa", "rsa2048:rsassa-sha256:null"), ("ec256", "ecc", "ecc256:ecdsa-sha256:null"),
                                    ("ec384", "ecc", "ecc384:ecdsa-sha256:null")]:
        for owner in (tpm, other) if name == "rsa" else (tpm,):
            owner.key("devid-" + name, parent, algorithm, RESIDENT + "|sign")
            key = serialization.load_pem_public_key(owner.read(f"devid-{name}.pem"))
            leaf = certificate("node1", key, "DevID Issuing", middle_key, False)
            suffix = name if owner is tpm else "other-tpm"
            (HERE / f"devid-{suffix}.pem").write_text(pem(leaf))
            (MESSAGES / f"tpm_devid-payload-{suffix}.json").write_text(payload(leaf, owner, "devid-" + name))
            signature = owner.sign("devid-" + name, random[:32])
            (MESSAGES / f"tpm_devid-response-{suffix}.json").write_text(
                f'{{"DevID":"{b64(signature)}","CredActivation":"{b64(activated)}"}}')

    lines = ["# public area, name, content, seed, seed of OAEP, credential, secret; of tpm2_makecredential"]
    for arguments in [(2048, 0x000B, 128), (2048, 0x000B, 256), (3072, 0x000C, 256)]:
        lines.append(" ".join(field.hex() for field in known_credential(tpm, *arguments)))
    (HERE / "credentials.txt").write_text("\n".join(lines) + "\n")

    # Structures that stand alone: a public area, its name, an attestation about it, the signature.
    tpm.key("restricted-ec", "ecc", "ecc256:ecdsa-sha256:null", RESIDENT + "|restricted|sign")
    tpm.key("decrypt-rsa", "rsa", "rsa2048", RESIDENT + "|decrypt")
    tpm.key("any-ec521", "ecc", "ecc521", RESIDENT + "|sign")
    lines = ["# key, public area, name, attestation, signature of the attestation key; of tpm2_create and tpm2_certify"]
    lines.append(" ".join(["ak", ak.hex(), tpm.read("ak.name").hex(), *(part.hex() for part in tpm.certify("ak"))]))
    for name in "devid-rsa", "devid-ec256", "devid-ec384", "restricted-ec", "decrypt-rsa", "any-ec521":
        lines.append(" ".join([name, tpm.public(name).hex(), tpm.read(name + ".name").hex(), *(part.hex() for part in tpm.certify(name))]))
    (HERE / "structures.txt").write_text("\n".join(lines) + "\n")
    (HERE / "ek.txt").write_text(f"{ek.hex()} {ek_certificate.hex()}\n")


if __name__ == "__main__":
    main()
