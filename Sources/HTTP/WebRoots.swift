import FoundationEssentials
package import NIOSSL

/// The authorities of the web that servers are checked against whose name is all that is known of them. A value; the files
/// are read for each connection, so that an update of the system's certificates needs no restart.
package struct WebRoots: Sendable {
  private let file: String?
  private let folders: [String]
  private let certificates: [NIOSSLCertificate]

  /// The system's. `SSL_CERT_FILE` and `SSL_CERT_DIR` name others, as for every program written in Go.
  package static func system(environment: [String: String]) -> WebRoots {
    let file = environment["SSL_CERT_FILE"].flatMap { $0.isEmpty ? nil : $0 }
    let folders = (environment["SSL_CERT_DIR"] ?? "").split(separator: ":").map(String.init)
    return WebRoots(file: file, folders: folders, certificates: [])
  }

  /// Those of a PEM file, and no others.
  package static func file(_ path: String) -> WebRoots { WebRoots(file: path, folders: [], certificates: []) }

  /// Only these.
  package static func only(_ certificates: [NIOSSLCertificate]) -> WebRoots {
    WebRoots(file: nil, folders: [], certificates: certificates)
  }

  /// Only these, at least one; DER. For files that their reader wants to read no more often than it says.
  package static func only(der: [[UInt8]]) throws -> WebRoots {
    only(try der.map { try NIOSSLCertificate(bytes: $0, format: .der) })
  }

  func apply(to configuration: inout TLSConfiguration) throws {
    if !certificates.isEmpty {
      configuration.trustRoots = .certificates(certificates)
    } else if file == nil, folders.isEmpty {
      configuration.trustRoots = .default
    } else {
      var found = try file.map { try NIOSSLCertificate.fromPEMFile($0) } ?? []
      for folder in folders {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
          // A folder of certificates also holds other things.
          found += (try? NIOSSLCertificate.fromPEMFile(folder + "/" + name)) ?? []
        }
      }
      configuration.trustRoots = .certificates(found)
    }
  }
}
