import Daemon
import FoundationEssentials
package import SPIFFE

/// Where the agent gets the authorities that it trusts on its first contact with the server (agent-behaviour §2). A
/// value.
package enum BootstrapSource: Hashable, Sendable {
  package enum Format: Hashable, Sendable {
    /// All CERTIFICATE blocks of a PEM text.
    case pem
    /// A SPIFFE bundle document.
    case spiffe
  }

  /// A file, read anew at each attempt.
  case file(path: String, format: Format)
  /// Nothing: the server's chain is not verified on the first contact, only its SPIFFE ID compared.
  case insecure

  /// A bundle file of any real trust domain stays far below.
  private static let limit = 4 << 20

  /// The authorities, DER; nil for insecure bootstrap. Blocks for one file.
  package func authorities(trustDomain: TrustDomain) throws(AgentError) -> [[UInt8]]? {
    guard case .file(let path, let format) = self else { return nil }
    let bytes: [UInt8]
    do {
      guard let content = try BoundedFile.read(path, limit: Self.limit) else {
        throw AgentError(.trustBundle, "open \(path): no such file or directory; trust_bundle_path must name a file")
      }
      bytes = content
    } catch {
      throw AgentError(.trustBundle, "could not parse trust bundle: \(error)", cause: error)
    }
    let authorities: [[UInt8]]
    do {
      switch format {
      case .pem:
        authorities = try PEM.decode(String(decoding: bytes, as: UTF8.self)).filter { $0.type == "CERTIFICATE" }.map(
          \.der)
        for der in authorities { _ = try X509Certificates.parse(der: der) }
      case .spiffe:
        do {
          authorities = try BundleDocument.decode(bytes, trustDomain: trustDomain).x509Authorities.map(\.der)
        } catch {
          throw AgentError(.trustBundle, "unable to parse SPIFFE trust bundle: \(error)", cause: error)
        }
      }
    } catch let error as AgentError {
      throw error
    } catch {
      throw AgentError(.trustBundle, "could not parse trust bundle: \(path): \(error)", cause: error)
    }
    if authorities.isEmpty { throw AgentError(.trustBundle, "no certificates found in trust bundle (\(path))") }
    return authorities
  }
}
