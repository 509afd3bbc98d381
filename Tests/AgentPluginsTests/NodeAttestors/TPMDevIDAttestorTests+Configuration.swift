import DaemonTesting
import Foundation
import Logging
import NodeProofs
import Plugins
import SPIFFE
import Synchronization
import TPMTesting
import Testing

@testable import AgentPlugins

/// What is read before a TPM is asked anything: keys, files, devices, libraries, and the words of response codes.
extension TPMDevIDAttestorTests {
  @Test func configurations() async throws {
    func said(_ text: String) async throws -> String {
      try await refusal { try await makeAttestor().configure(PluginData(text: text)) }
    }
    #expect(
      try await said("")
        == "InvalidArgument: nodeattestor(tpm_devid): invalid configuration: devid_cert_path is required; "
        + "invalid configuration: devid_priv_path is required; invalid configuration: devid_pub_path is required")
    #expect(try await said("devid_cert_path = 3").contains("devid_priv_path is required"))
    let tpm = try EmulatedTPM()
    let (rsa, ecc) = (try tpm.makeDevID(.rsa, name: "rsa"), try tpm.makeDevID(.ecc, name: "ecc"))
    func files(_ certificate: String, _ sealed: String, _ area: String) async throws -> String {
      let devID = EmulatedTPM.DevID(certificate: certificate, sealedKey: sealed, publicArea: area, key: "")
      return try await refusal { try await makeAttestor().configure(settings(devID, tpm.socket)) }
    }
    let prefix = Self.prefix + "unable to load DevID files: "
    #expect(
      try await files("/none", rsa.sealedKey, rsa.publicArea)
        == prefix + "cannot load certificate(s): devid_cert_path /none: no such file or directory")
    #expect(
      try await files(rsa.certificate, "/none", rsa.publicArea)
        == prefix + "cannot load private key: open /none: no such file or directory")
    #expect(
      try await files(rsa.certificate, rsa.sealedKey, "/none")
        == prefix + "cannot load public key: open /none: no such file or directory")
    #expect(
      try await files(ecc.certificate, rsa.sealedKey, rsa.publicArea)
        == prefix
        + "cannot load public key: devid_pub_path \(rsa.publicArea): the key is not that of the certificate in "
        + ecc.certificate)
    #expect(
      try await files(rsa.certificate, rsa.sealedKey, rsa.sealedKey).hasPrefix(prefix + "cannot load public key: "))
    // A storage key, and a key that leaves the hash to each command.
    try Data(
      [0x00, 0x01, 0x00, 0x0B, 0x00, 0x03, 0x04, 0x72, 0, 0, 0, 6, 0, 128, 0, 0x43, 0, 0x10, 8, 0, 0, 0, 0, 0, 1, 0]
        + [UInt8](repeating: 0xFF, count: 256)
    ).write(to: URL(fileURLWithPath: tpm.folder + "/storage"))
    #expect(
      try await files(rsa.certificate, rsa.sealedKey, tpm.folder + "/storage")
        == prefix + "cannot load public key: devid_pub_path \(tpm.folder)/storage: not a signing key")
    try Data(
      [0x00, 0x01, 0x00, 0x0B, 0x00, 0x04, 0x00, 0x72, 0, 0, 0, 0x10, 0, 0x10, 8, 0, 0, 0, 0, 0, 1, 0]
        + [UInt8](repeating: 0xFF, count: 256)
    ).write(to: URL(fileURLWithPath: tpm.folder + "/free"))
    #expect(
      try await files(rsa.certificate, rsa.sealedKey, tpm.folder + "/free").hasSuffix(
        "signature hash algorithm is NULL"))

    let unready = makeAttestor()
    #expect(
      try await refusal { try await unready.attest { $0.payload } }
        == "FailedPrecondition: nodeattestor(tpm_devid): not configured")
  }

  @Test func devicesAreFound() async throws {
    let tpm = try EmulatedTPM()
    let devID = try tpm.makeDevID(.ecc)
    let folder = tpm.folder + "/dev"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    func found(_ names: String...) -> String {
      for name in names { _ = FileManager.default.createFile(atPath: folder + "/" + name, contents: nil) }
      do throws(TPMFault) { return try TPMDevicePath.detect(in: folder) } catch { return error.description }
    }
    #expect(found() == "not found")
    #expect(found("tpm", "tpmrm", "tpm0x", "null", "tmp0") == "not found")
    #expect(found("tpm0") == folder + "/tpm0")
    #expect(found("tpm1") == "more than one possible TPM device was found")
    // The resource manager counts before the devices themselves.
    #expect(found("tpmrm0") == folder + "/tpmrm0")
    #expect(found("tpmrm12") == "more than one possible TPM device was found")
    let attestor = TPMDevIDAttestor(logger: Logger(label: "test"), devices: folder)
    #expect(
      try await refusal { try await attestor.configure(settings(devID, "")) }
        == Self.prefix + "tpm autodetection failed: more than one possible TPM device was found")
    let nowhere = TPMDevIDAttestor(logger: Logger(label: "test"), devices: folder + "/none")
    #expect(
      try await refusal { try await nowhere.configure(settings(devID, "")) }
        == Self.prefix + "tpm autodetection failed: open \(folder)/none: no such file or directory")
  }

  /// A machine without tpm2-tss: the error says what to install, and when the agent starts, not later.
  @Test func librariesThatAreMissing() async throws {
    let tpm = try EmulatedTPM()
    let devID = try tpm.makeDevID(.ecc)
    func said(sys: String, mu: String) async throws -> String {
      let attestor = TPMDevIDAttestor(
        logger: Logger(label: "test"), library: { try TPMLibrary.open(sys: sys, mu: mu, words: "libtss2-none.so.0") })
      return try await refusal { try await attestor.configure(settings(devID, tpm.socket)) }
    }
    let prefix = "FailedPrecondition: nodeattestor(tpm_devid): "
    let missing = try await said(sys: "libtss2-none.so.1", mu: "libtss2-mu.so.0")
    #expect(
      missing.hasPrefix(prefix + "the TPM needs the library tpm2-tss, which cannot be opened (libtss2-none.so.1: ")
        && missing.hasSuffix("; install libtss2-sys1"))
    #expect(try await said(sys: "libtss2-sys.so.1", mu: "libtss2-none.so.1").hasSuffix("; install libtss2-mu0"))
    #expect(
      try await said(sys: "libtss2-mu.so.0", mu: "libtss2-mu.so.0")
        == prefix + "libtss2-mu.so.0 and libtss2-mu.so.0 have no function Tss2_Sys_GetContextSize; "
        + "install libtss2-sys1 3.0 or newer")
    // Without the words the numbers are enough.
    let silent = try TPMLibrary.open(sys: "libtss2-sys.so.1", mu: "libtss2-mu.so.0", words: "libtss2-none.so.0")
    #expect(silent.words(for: 0x922) == nil)
  }

  /// The forms of upstream's texts (TPM 2.0 Part 1, "Response Code Evaluation").
  @Test func responseCodes() {
    func text(_ code: UInt32) -> String { TPMFault(code: code, words: "w").description }
    #expect(text(0x1D5) == "parameter 1, error code 0x15 : w")
    #expect(text(0x18B) == "handle 1, error code 0xb : w")
    #expect(text(0x9A2) == "session 1, error code 0x22 : w")
    #expect(text(0x101) == "error code 0x1 : w")
    #expect(text(0x922) == "warning code 0x22 : w")
    #expect(text(0x500) == "vendor error code 0x500")
    #expect(text(0x1E) == "response status 0x1e")
    #expect(text(0xA000A) == "library error 0xa000a : w")
    #expect(TPMFault(code: 0x98E, words: nil).isCounted && !TPMFault(code: 0x9A2, words: nil).isCounted)
  }
}
