import Console
import Daemon
import Flags
import FoundationEssentials
import SPIFFE

/// A minted X.509-SVID with its key and the roots that verify it, as it is printed or written to files.
struct MintedX509SVID: Sendable {
  let chain: [Data]
  let privateKey: [UInt8]
  let roots: [Data]

  /// Prints the parts, or writes them to files in `directory` unless that is empty; as JSON, always prints.
  func print(_ output: OutputChoice, directory: String, io: CommandIO) throws {
    if output.format == .json { return io.print(json) }
    let svid = chain.map { PEM.encode(Array($0), type: "CERTIFICATE") }.joined()
    let key = PEM.encode(privateKey, type: "PRIVATE KEY")
    let bundle = roots.map { PEM.encode(Array($0), type: "CERTIFICATE") }.joined()
    if directory.isEmpty {
      io.out("X509-SVID:\n\(svid)\nPrivate key:\n\(key)\nRoot CAs:\n\(bundle)\n")
      return
    }
    try write(svid, "svid.pem", 0o644, "X509-SVID", directory, io)
    try write(key, "key.pem", 0o600, "Private key", directory, io)
    try write(bundle, "bundle.pem", 0o644, "Root CAs", directory, io)
  }

  private func write(
    _ text: String, _ name: String, _ mode: UInt32, _ label: String, _ directory: String, _ io: CommandIO
  ) throws {
    let path = OutputPath.join(directory, name)
    do { try AtomicFile.write(Array(text.utf8), to: path, mode: mode) } catch {
      throw CommandFailure("unable to write \(label): \(error)")
    }
    io.print("\(label) written to \(path)")
  }

  /// SPIRE: the members are in this order, not sorted.
  private var json: String {
    let object: JSONValue = [
      "x509_svid": .array(chain.map { .string(Base64.encode(Array($0))) }),
      "private_key": .string(Base64.encode(privateKey)),
      "root_cas": .array(roots.map { .string(Base64.encode(Array($0))) }),
    ]
    return object.text(.compact)
  }
}
