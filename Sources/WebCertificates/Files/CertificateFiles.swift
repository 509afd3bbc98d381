package import Daemon
import Keys
package import Logging
package import NIOSSL
import ServiceLifecycle
import Synchronization

/// A certificate of the web and its key, kept in step with their files (`serving_cert_file`). A service that reads them
/// after each interval; what does not fit together is logged, and the last good pair stays. A mutex guards the pair.
package final class CertificateFiles: Service {
  /// A chain, leaf first, and its key.
  package struct Pair: Sendable {
    package let chain: [NIOSSLCertificate]
    package let key: NIOSSLPrivateKey
    fileprivate let bytes: [UInt8]

    /// What a connection is served with: TLS 1.2 or later, HTTP/1.1.
    package var configuration: TLSConfiguration {
      var configuration = TLSConfiguration.makeServerConfiguration(
        certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
      configuration.minimumTLSVersion = .tlsv12
      configuration.applicationProtocols = ["http/1.1"]
      return configuration
    }
  }

  package struct Unusable: Error, CustomStringConvertible {
    package let description: String
  }

  private let owner: String
  private let certificateFile: String
  private let keyFile: String
  private let settings: (certificate: String, key: String)
  private let interval: Duration
  private let time: any TimeSource
  private let logger: Logger
  private let pair: Mutex<Pair>

  /// The pair to present now.
  package var current: Pair { pair.withLock { $0 } }

  /// - Parameters:
  ///   - owner: whose certificate it is, for the log: `bundle endpoint`.
  ///   - settings: the names of the keys that name the files.
  /// - Throws: ``Unusable`` when the files are not there, or do not fit together.
  package init(
    of owner: String, certificateFile: String, keyFile: String,
    settings: (certificate: String, key: String) = ("cert_file_path", "key_file_path"), interval: Duration,
    time: any TimeSource, logger: Logger
  ) throws(Unusable) {
    self.owner = owner
    self.certificateFile = certificateFile
    self.keyFile = keyFile
    self.settings = settings
    self.interval = interval
    self.time = time
    self.logger = logger
    pair = Mutex(try Self.read(certificateFile, keyFile, settings))
  }

  package func run() async throws {
    let interval = interval
    try await repeating(every: { interval }, time: time) { try? await BackgroundWork.run { self.reload() } }
  }

  /// Reads the files again. Blocks.
  package func reload() {
    do {
      let read = try Self.read(certificateFile, keyFile, settings)
      let changed = pair.withLock { pair in
        guard read.bytes != pair.bytes else { return false }
        pair = read
        return true
      }
      if changed { logger.info("Loaded new certificate of the \(owner)", metadata: metadata) }
    } catch {
      logger.error(
        "Unable to load the certificate of the \(owner); the last good one stays in use",
        metadata: metadata.merging(["error": "\(error)"]) { $1 })
    }
  }

  private var metadata: Logger.Metadata { [settings.certificate: "\(certificateFile)", settings.key: "\(keyFile)"] }

  private static func read(
    _ certificateFile: String, _ keyFile: String, _ settings: (certificate: String, key: String)
  ) throws(Unusable) -> Pair {
    do {
      let certificates = try PEMFile.certificates(certificateFile, setting: settings.certificate)
      let keyBytes = try PEMFile.privateKey(keyFile, setting: settings.key)
      do {
        let chain = try certificates.map { try NIOSSLCertificate(bytes: $0, format: .der) }
        let key = try NIOSSLPrivateKey(bytes: keyBytes, format: .der)
        // Making a context checks that the key is the leaf's.
        _ = try NIOSSLContext(
          configuration: .makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key)))
        return Pair(chain: chain, key: key, bytes: certificates.flatMap(\.self) + keyBytes)
      } catch {
        throw Unusable(
          description:
            "\(settings.certificate) \(certificateFile) and \(settings.key) \(keyFile) do not fit together: \(error)")
      }
    } catch {
      throw error as? Unusable ?? Unusable(description: "\(error)")
    }
  }
}
