import Crypto
import Daemon
import Foundation
import HCL
import Keys
import Logging
import SPIFFE
import Synchronization

@testable import OIDCDiscovery

/// A configuration of text, checked.
func configuration(_ text: String) throws -> ProviderConfiguration {
  try ProviderConfiguration(try ProviderConfigFile(try HCLDocument.parse(text, file: "provider.conf")))
}

/// What is wrong with a configuration.
func problems(_ text: String) throws -> [String] {
  do {
    _ = try configuration(text)
    return []
  } catch let error as ConfigurationError {
    return error.problems.map(\.message)
  }
}

func authority(_ keyID: String, _ type: KeyType = .ecP256) throws -> JWTAuthority {
  JWTAuthority(publicKey: try SoftwareKey(generating: type).publicKey.pkix, keyID: keyID)
}

/// A log that keeps its lines.
final class Lines: Sendable {
  private let lines = Mutex<[String]>([])
  var all: [String] { lines.withLock { $0 } }
  var logger: Logger { Logger(label: "test") { [self] _ in Handler(lines: self) } }

  private struct Handler: LogHandler {
    let lines: Lines
    var logLevel = Logger.Level.trace
    var metadata: Logger.Metadata = [:]
    subscript(metadataKey key: String) -> Logger.MetadataValue? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }
    func log(event: LogEvent) {
      let fields = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
      lines.lines.withLock { $0.append(([event.message.description] + fields).joined(separator: " ")) }
    }
  }
}
