package import Daemon
import FoundationEssentials
package import Keys
package import Logging
import ServiceLifecycle
import Synchronization

/// Keeps the server's own X.509-SVID fresh (server-behaviour §2). Endpoints read ``current`` for every handshake.
///
/// Looks each second: renews when half of the lifetime has passed, when the authority that signed it is tainted, or when
/// the clock went back behind its beginning. A failure leaves the old SVID in place and is tried again after
/// five seconds, or as soon as another authority signs: after a jump of the clock both have ended. A lock guards the snapshot.
package final class ServerSVIDRotator: Service {
  private let authority: CertificateAuthority
  private let keyType: KeyType
  private let time: any TimeSource
  private let metrics: Metrics
  private let log: Logger
  private let snapshot: Mutex<ServerSVID>
  private let failed = Mutex<(at: Duration, authorityID: String?)?>(nil)
  private static let patience: Duration = .seconds(5)

  /// The SVID to present now.
  package var current: ServerSVID { snapshot.withLock { $0 } }

  private init(
    _ first: ServerSVID, _ authority: CertificateAuthority, _ keyType: KeyType, _ metrics: Metrics, _ log: Logger
  ) {
    self.authority = authority
    self.keyType = keyType
    time = authority.time
    self.metrics = metrics
    self.log = log
    snapshot = Mutex(first)
  }

  /// Issues the first SVID. The CA manager must have started.
  package static func start(
    authority: CertificateAuthority, keyType: KeyType, metrics: Metrics, logger: Logger
  ) async throws(AuthorityError) -> ServerSVIDRotator {
    var log = logger
    log[metadataKey: "subsystem_name"] = "svid_rotator"
    let first = try await issue(authority, keyType, metrics, log)
    return ServerSVIDRotator(first, authority, keyType, metrics, log)
  }

  package func run() async throws {
    do {
      try await cancelWhenGracefulShutdown {
        while true {
          try await self.time.sleep(for: .seconds(1))
          if !self.isWaiting { await self.rotateIfDue() }
        }
      }
    } catch is CancellationError {
      log.debug("Stopping SVID rotator")
    }
  }

  /// Whether it failed just now and nothing is different.
  private var isWaiting: Bool {
    guard let last = failed.withLock({ $0 }) else { return false }
    return last.authorityID == authority.activeX509CA?.authorityID && time.steady - last.at < Self.patience
  }

  /// Renews the SVID if it is due.
  package func rotateIfDue() async {
    let held = current
    let middle = held.expiresAt - (held.expiresAt - held.notBefore) / 2
    let now = TemplateBuilder.seconds(time.now)
    let isTainted = authority.isTainted(x509AuthorityID: held.authorityID)
    // Before its beginning only after the clock went back; a CA of the future cannot help (CAManager+Clock).
    let isEarly = now < held.notBefore && authority.activeX509CA?.begins(after: time.now) == false
    guard now >= middle || isTainted || isEarly else { return }
    let signer = authority.activeX509CA?.authorityID
    do throws(AuthorityError) {
      let fresh = try await Self.issue(authority, keyType, metrics, log)
      snapshot.withLock { $0 = fresh }
      failed.withLock { $0 = nil }
    } catch {
      if Task.isCancelled { return }
      failed.withLock { $0 = (time.steady, signer) }
      log.error("Could not rotate server SVID", metadata: ["error": "\(error)"])
    }
  }

  private static func issue(
    _ authority: CertificateAuthority, _ keyType: KeyType, _ metrics: Metrics, _ log: Logger
  ) async throws(AuthorityError) -> ServerSVID {
    let call = metrics.startCall(["svid", "rotate"])
    log.debug("Rotating server SVID")
    do {
      let key = try await BackgroundWork.run { try SoftwareKey(generating: keyType) }
      let issued = try await authority.issueServerSVID(publicKey: key.publicKey)
      call.done()
      log.debug(
        "Signed X509 SVID",
        metadata: [
          "expiration": "\(GoTime.rfc3339(Date(timeIntervalSince1970: Double(issued.expiresAt))))",
          "spiffe_id": "\(issued.id)",
        ])
      return ServerSVID(
        id: issued.id, chain: issued.chain, privateKey: key.pkcs8, notBefore: issued.notBefore,
        expiresAt: issued.expiresAt, subject: issued.subject, authorityID: issued.authorityID)
    } catch {
      call.done(error: error)
      throw AuthorityError(error)
    }
  }
}
