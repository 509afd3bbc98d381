import Daemon
import SPIFFE

/// Certificates and keys in PEM files that the configuration names: bounded, and with errors that name the setting.
///
/// Reading blocks: plugins and endpoints do it on ``BackgroundWork``.
package enum PEMFile {
  /// Why a file is of no use: `<setting> <path>: <reason>`.
  package struct Unusable: Error, CustomStringConvertible {
    package let description: String
    package let cause: (any Error)?
  }

  /// The labels of a private key: PKCS #8, SEC 1, PKCS #1.
  private static let keyTypes = ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"]
  private static let maximumSize = 1 << 20

  /// The certificates of a file, at least one. DER.
  package static func certificates(_ path: String, setting: String) throws(Unusable) -> [[UInt8]] {
    try blocks(path, setting, ["CERTIFICATE"])
  }

  /// The one private key of a file. DER.
  package static func privateKey(_ path: String, setting: String) throws(Unusable) -> [UInt8] {
    let keys = try blocks(path, setting, keyTypes)
    guard keys.count == 1 else {
      throw Unusable(description: "\(setting) \(path): it has \(keys.count) private keys", cause: nil)
    }
    return keys[0]
  }

  private static func blocks(_ path: String, _ setting: String, _ types: [String]) throws(Unusable) -> [[UInt8]] {
    func unusable(_ reason: String, _ cause: (any Error)? = nil) -> Unusable {
      Unusable(description: "\(setting) \(path): \(reason)", cause: cause)
    }
    let read: [UInt8]?
    do { read = try BoundedFile.read(path, limit: maximumSize) } catch { throw unusable("\(error)", error) }
    guard let bytes = read else { throw unusable("no such file or directory") }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw unusable("it is not PEM text") }
    let found: [PEM.Block]
    do { found = try PEM.decode(text) } catch { throw unusable("\(error)", error) }
    let wanted = found.filter { types.contains($0.type) }.map(\.der)
    guard !wanted.isEmpty else { throw unusable("no PEM block \(types.joined(separator: " or ")) found") }
    return wanted
  }
}
