package import Daemon
import FoundationEssentials
import Keys
package import Logging
package import NIOSSL
import RPC
import ServiceLifecycle
import Synchronization

/// Certificates from a public authority, one per name: fetched, kept, renewed ahead of their end, shown to clients. A
/// service; a mutex guards the certificates.
///
/// A certificate stays in use until its successor is here, whatever the authority does. Names are served one after the
/// other, so that the authority sees one order at a time.
package final class ACMECertificates: Service {
  private let settings: ACMESettings
  private let store: ACMEStore
  private let issuer: ACMEIssuer
  /// What is shown to the authority now.
  package let board: ChallengeBoard
  private let time: any TimeSource
  private let random: @Sendable () -> Double
  private let logger: Logger
  private let held = Mutex<[String: Held]>([:])

  private struct Held {
    let chain: ACMEChain
    let credential: TLSCredential
  }

  /// - Parameter random: from 0 to 1.
  package init(
    _ settings: ACMESettings, store: ACMEStore, transport: any ACMETransport, board: ChallengeBoard = ChallengeBoard(),
    time: any TimeSource, random: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) }, logger: Logger
  ) {
    self.settings = settings
    self.store = store
    self.board = board
    self.time = time
    self.random = random
    self.logger = logger
    issuer = ACMEIssuer(
      settings: settings, transport: transport, board: board, proofs: settings.answersHTTP ? [.http, .tls] : [.tls],
      time: time)
  }

  /// Takes the certificates that were kept from the last time. What cannot be used is logged, and fetched anew.
  package func load() async {
    for domain in settings.domains {
      do {
        guard let pem = try await store.chain(domain) else { continue }
        let key = try await store.key(domain)
        try hold(try ACMEChain(pem: pem, domain: domain, key: key.publicKey, now: time.now), key, domain)
      } catch {
        logger.warning(
          "The stored certificate cannot be used; a new one is fetched",
          metadata: ["domain": "\(domain)", "error": "\(error)"])
      }
    }
  }

  /// What a client is served with; nil when there is nothing for it.
  package func configuration(for hello: ClientHello) throws -> TLSConfiguration? {
    if ChallengeBoard.isChallenge(hello) {
      guard let credential = hello.serverName.flatMap({ board.credential(for: $0) }) else { return nil }
      return try WebTLS.configuration(credential, protocols: [ChallengeBoard.protocolName])
    }
    guard let credential = credential(hello.serverName) else { return nil }
    return try WebTLS.configuration(credential)
  }

  private func credential(_ name: String?) -> TLSCredential? {
    // Who names nobody gets the one certificate that there is.
    let domain = name ?? (settings.domains.count == 1 ? settings.domains[0] : "")
    return held.withLock { $0[domain]?.credential }
  }

  package func run() async throws {
    await cancelWhenGracefulShutdown {
      var plan = RenewalPlan(self.settings.domains, now: self.time.now)
      for (domain, held) in self.held.withLock({ $0 }) {
        plan.use(domain, from: held.chain.notBefore, to: held.chain.notAfter, jitter: self.random())
      }
      while !Task.isCancelled, let (domain, due) = plan.next {
        let wait = due.timeIntervalSince(self.time.now)
        if wait > 0 {
          // In pieces: the clock may be set.
          do { try await self.time.sleep(for: .seconds(min(wait, 3600))) } catch { return }
          continue
        }
        await self.renew(domain, &plan)
      }
    }
  }

  private func renew(_ domain: String, _ plan: inout RenewalPlan) async {
    let key: any ManagedKey
    let chain: ACMEChain
    do {
      key = try await store.key(domain)
      chain = try await issuer.issue(domain, key: key, account: try await store.key(ACMEStore.accountName))
      try hold(chain, key, domain)
    } catch {
      if Task.isCancelled { return }
      let failure = error as? ACMEError ?? ACMEError(.badCertificate, "\(error)", cause: error)
      plan.fail(domain, failure, now: time.now, jitter: random())
      return report(failure, domain, next: plan.next(domain))
    }
    plan.use(domain, from: chain.notBefore, to: chain.notAfter, jitter: random())
    logger.info(
      "Got a certificate", metadata: ["domain": "\(domain)", "expires": "\(GoTime.rfc3339(chain.notAfter))"])
    do {
      try await store.save(chain, of: domain, key: key)
    } catch {
      // In use all the same; after a restart it is fetched again.
      logger.error("The certificate cannot be kept", metadata: ["domain": "\(domain)", "error": "\(error)"])
    }
  }

  private func report(_ failure: ACMEError, _ domain: String, next: Date?) {
    let kept = held.withLock { $0[domain]?.chain.notAfter }
    var metadata: Logger.Metadata = ["domain": "\(domain)", "error": "\(failure)"]
    if let kept { metadata["expires"] = "\(GoTime.rfc3339(kept))" }
    if let next { metadata["next_attempt"] = "\(GoTime.rfc3339(next))" }
    logger.error(
      kept == nil ? "Unable to get a certificate" : "Unable to renew the certificate; it stays in use",
      metadata: metadata)
  }

  private func hold(_ chain: ACMEChain, _ key: any ManagedKey, _ domain: String) throws {
    let tls: TLSPrivateKey = (key as? SoftwareKey).map { .der($0.pkcs8) } ?? .signer(ManagedTLSKey(key: key))
    let credential = TLSCredential(chain: chain.certificates, key: tls)
    // Making it says whether it can be used.
    _ = try NIOSSLContext(configuration: try WebTLS.configuration(credential))
    held.withLock { $0[domain] = Held(chain: chain, credential: credential) }
  }
}

/// Signs handshakes with an EC P-256 key that stays in its key manager.
private struct ManagedTLSKey: TLSSigner {
  let key: any ManagedKey
  var algorithms: [TLSSignatureAlgorithm] { [.ecdsaP256SHA256] }
  func sign(_ message: [UInt8], algorithm: TLSSignatureAlgorithm) async throws -> [UInt8] {
    try await key.sign(message, algorithm: .ecdsaSHA256)
  }
}
