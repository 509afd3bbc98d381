import Daemon
import FoundationEssentials
import Logging
import NIOSSL
import SPIFFE
import ServiceLifecycle
import Synchronization

/// A certificate of the web and its key, kept in step with their files (`serving_cert_file`). A service that reads them
/// after each interval; what does not fit together is logged, and the last good pair stays. A mutex guards the pair.
final class CertificateFiles: Service {
  /// A chain, leaf first, and its key.
  struct Pair: Sendable {
    let chain: [NIOSSLCertificate]
    let key: NIOSSLPrivateKey
    fileprivate let bytes: [UInt8]
  }

  struct Unusable: Error, CustomStringConvertible {
    let description: String
  }

  /// The most bytes of a file.
  private static let maximumSize = 1 << 20

  private let certificateFile: String
  private let keyFile: String
  private let interval: Duration
  private let time: any TimeSource
  private let logger: Logger
  private let pair: Mutex<Pair>

  /// The pair to present now.
  var current: Pair { pair.withLock { $0 } }

  /// - Throws: ``Unusable`` when the files are not there, or do not fit together.
  init(
    certificateFile: String, keyFile: String, interval: Duration, time: any TimeSource, logger: Logger
  ) throws(Unusable) {
    self.certificateFile = certificateFile
    self.keyFile = keyFile
    self.interval = interval
    self.time = time
    self.logger = logger
    pair = Mutex(try Self.read(certificateFile, keyFile))
  }

  func run() async throws {
    let interval = interval
    try await repeating(every: { interval }, time: time) { self.reload() }
  }

  /// Reads the files again.
  func reload() {
    do {
      let read = try Self.read(certificateFile, keyFile)
      let changed = pair.withLock { pair in
        guard read.bytes != pair.bytes else { return false }
        pair = read
        return true
      }
      if changed { logger.info("Loaded new certificate of the bundle endpoint", metadata: metadata) }
    } catch {
      logger.error(
        "Unable to load the certificate of the bundle endpoint; the last good one stays in use",
        metadata: metadata.merging(["error": "\(error)"]) { $1 })
    }
  }

  private var metadata: Logger.Metadata { ["cert_file_path": "\(certificateFile)", "key_file_path": "\(keyFile)"] }

  private static func read(_ certificateFile: String, _ keyFile: String) throws(Unusable) -> Pair {
    let certificates = try blocks(certificateFile, "cert_file_path") { $0 == "CERTIFICATE" }
    let keys = try blocks(keyFile, "key_file_path") { $0.hasSuffix("PRIVATE KEY") }
    guard keys.count == 1 else {
      throw Unusable(description: "key_file_path \(keyFile): it has \(keys.count) private keys")
    }
    do {
      let chain = try certificates.map { try NIOSSLCertificate(bytes: $0, format: .der) }
      let key = try NIOSSLPrivateKey(bytes: keys[0], format: .der)
      var configuration = TLSConfiguration.makeServerConfiguration(
        certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
      configuration.minimumTLSVersion = .tlsv12
      // Making a context checks that the key is the leaf's.
      _ = try NIOSSLContext(configuration: configuration)
      return Pair(chain: chain, key: key, bytes: certificates.flatMap(\.self) + keys[0])
    } catch {
      throw Unusable(
        description: "cert_file_path \(certificateFile) and key_file_path \(keyFile) do not fit together: \(error)")
    }
  }

  private static func blocks(
    _ path: String, _ setting: String, _ isWanted: (String) -> Bool
  ) throws(Unusable) -> [[UInt8]] {
    do {
      guard let bytes = try BoundedFile.read(path, limit: maximumSize) else {
        throw Unusable(description: "no such file or directory")
      }
      let found = try PEM.decode(String(decoding: bytes, as: UTF8.self)).filter { isWanted($0.type) }.map(\.der)
      guard !found.isEmpty else { throw Unusable(description: "it has no PEM block of that kind") }
      return found
    } catch {
      throw Unusable(description: "\(setting) \(path): \(error)")
    }
  }
}
