"""A TPM 2.0 in software (swtpm) on a Unix socket, and device identities in it, made with tpm2-tools and openssl."""
import os
import subprocess

from deployment import run, wait

RESIDENT = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth"
AUTHORITY = """
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN={0}" -keyout {0}.key -out {0}.pem \
  -addext keyUsage=critical,keyCertSign
"""
ENDORSED = """
tpm2_createek -G rsa -c ek.ctx -u ek.pub -f pem
openssl x509 -new -force_pubkey ek.pub -subj /CN=TPM -CA tpm-ca.pem -CAkey tpm-ca.key -days 30 -outform der -out ek.der
tpm2_nvdefine 0x01c00002 -C o -s $(stat -c %s ek.der) -a 'ownerread|ownerwrite|authread|authwrite|no_da'
tpm2_nvwrite 0x01c00002 -C o -i ek.der
tpm2_flushcontext -t
"""
DEVICE = """
tpm2_createprimary -C o -g sha256 -G {primary}:aes128cfb -c srk-{name}.ctx -a '{resident}|noda|restricted|decrypt'
tpm2_create -C srk-{name}.ctx -g sha256 -G {key} -u {name}.tpm2b.pub -r {name}.tpm2b.priv -a '{resident}|sign'
tpm2_flushcontext -t
tpm2_load -C srk-{name}.ctx -u {name}.tpm2b.pub -r {name}.tpm2b.priv -c {name}.ctx
tpm2_readpublic -c {name}.ctx -f pem -o {name}.key.pem
tpm2_flushcontext -t
tail -c +3 {name}.tpm2b.pub > {name}.pub
tail -c +3 {name}.tpm2b.priv > {name}.priv
openssl x509 -new -force_pubkey {name}.key.pem -subj "/CN={name}" -days 30 -CA devid-ca.pem -CAkey devid-ca.key -out {name}.crt
"""


class SoftTPM:
    """With it, `folder` holds devid-ca.pem and tpm-ca.pem, and rsa and ecc as .crt, .pub and .priv."""

    def __init__(self, folder):
        self.folder, self.socket = folder, f"{folder}/tpm.sock"

    def __enter__(self):
        os.mkdir(f"{self.folder}/state")
        self.process = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.folder}/state", "--server",
             f"type=unixio,path={self.socket}", "--flags", "not-need-init,startup-clear"], stderr=subprocess.DEVNULL)
        wait("swtpm", lambda: os.path.exists(self.socket))
        for name in ("tpm-ca", "devid-ca"):
            self._run(AUTHORITY.format(name))
        self._run(ENDORSED)
        for name, primary, key in (("rsa", "rsa2048", "rsa2048:rsassa-sha256:null"), ("ecc", "ecc256", "ecc256:ecdsa-sha256:null")):
            self._run(DEVICE.format(name=name, primary=primary, key=key, resident=RESIDENT))
        return self

    def _run(self, script):
        tools = f"set -e; export TSS2_LOG=all+none TPM2TOOLS_TCTI='cmd:socat -t 600 - UNIX-CONNECT:{self.socket}'\n"
        run("bash", "-c", tools + script, cwd=self.folder)

    def __exit__(self, kind, error, trace):
        self.process.terminate()
        self.process.wait(10)
