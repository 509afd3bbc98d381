import Foundation
import Synchronization
import TestDatabases

/// A TPM 2.0 in software (swtpm) for the tests, with its state in a folder of its own that goes with it, on a Unix socket.
///
/// It is provisioned as a real one is: with tpm2-tools and openssl. Methods block for as long as the tools take.
package final class EmulatedTPM: Sendable {
  /// What is wanted of a device identity.
  package enum Kind: String, Sendable, CaseIterable {
    case rsa, ecc
  }

  /// The files of a provisioned device identity, and the authorities behind it.
  package struct DevID: Sendable {
    package let certificate: String
    package let sealedKey: String
    package let publicArea: String
    /// The key in PEM, as the TPM says it.
    package let key: String

    package init(certificate: String, sealedKey: String, publicArea: String, key: String) {
      self.certificate = certificate
      self.sealedKey = sealedKey
      self.publicArea = publicArea
      self.key = key
    }
  }

  /// Holds the socket, and whatever the test puts there.
  package let folder: String
  package var socket: String { folder + "/tpm.sock" }
  package var ekCertificate: String { folder + "/ek.der" }
  /// Who vouches for the endorsement key, and for device identities.
  package var endorsementCA: String { folder + "/ekca.pem" }
  package var devIDCA: String { folder + "/devidca.pem" }

  private let keeper: ServerProcess
  private let process = Mutex<ServerProcess?>(nil)
  private static let user = String(cString: getpwuid(geteuid()).pointee.pw_name)

  /// Starts an empty one.
  package init() throws {
    folder = "/tmp/spire-tpm-\(UUID().uuidString.prefix(13))"
    try FileManager.default.createDirectory(
      atPath: folder + "/state", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    keeper = try ServerProcess(["true"], user: Self.user, log: "/dev/null", rubbish: folder)
    try start()
  }

  deinit {
    process.withLock { $0 = nil }
    keeper.end()
  }

  // MARK: The machine

  /// Starts it after a ``stop()``, as after a restart of the machine.
  package func start() throws {
    let started = try ServerProcess(
      [
        "swtpm", "socket", "--tpm2", "--tpmstate", "dir=\(folder)/state", "--server", "type=unixio,path=\(socket)",
        "--flags", "not-need-init,startup-clear",
      ], user: Self.user, log: folder + "/log", rubbish: "")
    process.withLock { $0 = started }
    try ServerProcess.wait(for: "the start of swtpm") { ScriptedTPM.isServed(socket) }
  }

  /// Takes the power away.
  package func stop() {
    process.withLock { $0 = nil }
    try? FileManager.default.removeItem(atPath: socket)
  }

  /// Runs one of tpm2-tools, or openssl, in the folder; what it prints.
  @discardableResult
  package func run(_ command: String...) throws -> String { try run(command) }

  @discardableResult
  package func run(_ command: [String]) throws -> String {
    try ServerProcess.run(
      [
        "env", "-C", folder, "TPM2TOOLS_TCTI=cmd:socat -t 600 - UNIX-CONNECT:\(socket)", "TSS2_LOG=all+none",
      ] + command)
  }

  /// Keys and sessions that are in the TPM now.
  package func loadedHandles() throws -> String {
    try run("tpm2_getcap", "handles-transient") + run("tpm2_getcap", "handles-loaded-session")
  }

  package func changePasswords(owner: String, endorsement: String) throws {
    try run("tpm2_changeauth", "-Q", "-c", "owner", owner)
    try run("tpm2_changeauth", "-Q", "-c", "endorsement", endorsement)
  }

  // MARK: Provisioning

  private func makeAuthority(_ name: String, _ subject: String) throws {
    guard !FileManager.default.fileExists(atPath: folder + "/\(name).pem") else { return }
    try run(
      "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
      "-subj", subject, "-addext", "keyUsage=critical,keyCertSign", "-keyout", "\(name).key", "-out", "\(name).pem")
  }

  /// A certificate of an authority for a key that nobody but the TPM has.
  private func certify(_ key: String, subject: String, authority: String, out: String, more: [String] = []) throws {
    try run(
      [
        "openssl", "x509", "-new", "-force_pubkey", key, "-subj", subject, "-CA", "\(authority).pem", "-CAkey",
        "\(authority).key", "-days", "30", "-out", out,
      ] + more)
  }

  /// Gives the endorsement key its certificate, as a manufacturer does.
  ///
  /// - Parameter padding: bytes of the NV index behind it.
  package func writeEKCertificate(endorsementPassword: String = "", padding: Int = 0) throws {
    try makeAuthority("ekca", "/CN=TPM manufacturer")
    try run(
      "tpm2_createek", "-Q", "-P", endorsementPassword, "-w", "", "-c", "ek.ctx", "-G", "rsa", "-u", "ek.pub")
    try run("tpm2_readpublic", "-Q", "-c", "ek.ctx", "-f", "pem", "-o", "ek.pem")
    try run("tpm2_flushcontext", "-t")
    try certify(
      "ek.pem", subject: "/CN=TPM", authority: "ekca", out: "ek.der", more: ["-outform", "DER"])
    var bytes = try Data(contentsOf: URL(fileURLWithPath: ekCertificate))
    bytes.append(contentsOf: [UInt8](repeating: 0xFF, count: padding))
    try bytes.write(to: URL(fileURLWithPath: folder + "/ek.nv"))
    try run(
      "tpm2_nvdefine", "-Q", "0x01c00002", "-C", "p", "-s", String(bytes.count), "-a",
      "ppwrite|ppread|ownerread|authread|no_da|platformcreate")
    try run("tpm2_nvwrite", "-Q", "0x01c00002", "-C", "p", "-i", "ek.nv")
  }

  /// Makes a key in the TPM, and its certificate.
  ///
  /// - Parameter withLengths: leaves the blobs as tpm2-tools write them.
  package func makeDevID(
    _ kind: Kind, name: String = "devid", password: String = "", ownerPassword: String = "", withLengths: Bool = false
  ) throws -> DevID {
    try makeAuthority("devidca", "/CN=Devices")
    try run(
      "tpm2_createprimary", "-Q", "-C", "o", "-P", ownerPassword, "-g", "sha256", "-G",
      kind == .rsa ? "rsa2048:aes128cfb" : "ecc256:aes128cfb", "-a",
      "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt", "-c", "srk.ctx")
    try run("tpm2_flushcontext", "-t")
    try run(
      "tpm2_create", "-Q", "-C", "srk.ctx", "-g", "sha256", "-G",
      kind == .rsa ? "rsa2048:rsassa-sha256:null" : "ecc256:ecdsa-sha256:null", "-a",
      "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign", "-p", password, "-u", "\(name).pub", "-r",
      "\(name).priv")
    try run("tpm2_flushcontext", "-t")
    try run("tpm2_load", "-Q", "-C", "srk.ctx", "-u", "\(name).pub", "-r", "\(name).priv", "-c", "\(name).ctx")
    try run("tpm2_readpublic", "-Q", "-c", "\(name).ctx", "-f", "pem", "-o", "\(name).key.pem")
    try run("tpm2_flushcontext", "-t")
    try certify("\(name).key.pem", subject: "/CN=\(name)", authority: "devidca", out: "\(name).crt")
    let made = DevID(
      certificate: folder + "/\(name).crt", sealedKey: folder + "/\(name).priv", publicArea: folder + "/\(name).pub",
      key: folder + "/\(name).key.pem")
    guard !withLengths else { return made }
    for path in [made.sealedKey, made.publicArea] {
      try Data(contentsOf: URL(fileURLWithPath: path)).dropFirst(2).write(to: URL(fileURLWithPath: path))
    }
    return made
  }
}
