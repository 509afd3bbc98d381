package import Daemon
import FoundationEssentials
package import Keys
package import Logging
import SPIFFE
import ServiceLifecycle

/// Owns this server's authorities over their whole life: prepares, publishes, activates, remembers and prunes them
/// (server-behaviour §1). The certificate authority signs with what it activates.
///
/// An actor; operations that wait for the key manager or the datastore run one at a time through ``exclusively(_:)``.
/// What it does survives a crash at any point: a key exists before it is in the bundle, an authority is in the bundle
/// before it signs, and the journal says ACTIVE before the signer changes, so that a restart finds the same one.
package actor CAManager: Service {
  let configuration: CAManagerConfiguration
  let authority: CertificateAuthority
  let keyManager: any KeyManager
  let datastore: any CADatastore
  let time: any TimeSource
  let random: any RandomSource
  let metrics: Metrics
  let log: Logger
  /// What the health check `server.ca.rotator` reads.
  package nonisolated let health = RotationHealth()

  var x509 = AuthoritySlots<X509CA>()
  var jwt = AuthoritySlots<JWTKey>()
  var wit = AuthoritySlots<JWTKey>()
  var journal = Journal()
  /// Whether it has been said that the clock is behind the active CA.
  var clockIsBehind = false
  /// Whether it has turned out that the authority above takes no JWT keys.
  var upstreamTakesNoJWTKeys = false
  /// Roots that are gone above without having been tainted here before, and when they are to go here.
  var withdrawnRoots: [[UInt8]: Date] = [:]
  /// The CA that signs, once it has been seen that it has ended.
  private var endedCA: String?
  private var isBusy = false
  private var waiting: [CheckedContinuation<Void, Never>] = []

  private static let period: Duration = .seconds(10)
  /// No pass takes more actions than this: prepare, activate, and the same again after a long sleep.
  private static let actionsPerPass = 6

  private init(
    _ configuration: CAManagerConfiguration, _ authority: CertificateAuthority, _ keyManager: any KeyManager,
    _ datastore: any CADatastore, _ time: any TimeSource, _ random: any RandomSource, _ metrics: Metrics,
    _ logger: Logger
  ) {
    self.configuration = configuration
    self.authority = authority
    self.keyManager = keyManager
    self.datastore = datastore
    self.time = time
    self.random = random
    self.metrics = metrics
    var log = logger
    log[metadataKey: "subsystem_name"] = "ca_manager"
    self.log = log
  }

  /// Loads the journal and makes sure that this server can sign. Nothing is served before this returns.
  ///
  /// - Throws: ``AuthorityError`` when the journal cannot be read, or when there is no usable authority and none can be made.
  package static func start(
    configuration: CAManagerConfiguration, authority: CertificateAuthority, keyManager: any KeyManager,
    datastore: any CADatastore, time: any TimeSource, random: any RandomSource = SystemRandom(), metrics: Metrics,
    logger: Logger
  ) async throws -> CAManager {
    let manager = CAManager(configuration, authority, keyManager, datastore, time, random, metrics, logger)
    try await manager.exclusively { try await manager.begin() }
    return manager
  }

  var trustDomain: TrustDomain { authority.configuration.trustDomain }

  /// The kinds of tokens that this server signs, in the order in which their keys are rotated.
  var tokenKinds: [TokenKind] { TokenKind.allCases.filter(isEnabled) }

  func isEnabled(_ kind: TokenKind) -> Bool {
    switch kind {
    case .jwt: !authority.configuration.jwtSVIDsAreDisabled
    case .wit: authority.configuration.witSVIDsAreEnabled
    }
  }

  subscript(kind: TokenKind) -> AuthoritySlots<JWTKey> {
    get { kind == .jwt ? jwt : wit }
    set { if kind == .jwt { jwt = newValue } else { wit = newValue } }
  }

  // MARK: Start

  private func begin() async throws {
    try await loadJournal()
    // What is about to be replaced does not begin to sign; the first pass decides.
    if x509.current.status == .active, !x509.isPastActivation(at: time.now) { signWithCurrentX509CA() }
    for kind in tokenKinds where self[kind].current.status == .active && !self[kind].isPastActivation(at: time.now) {
      signWithCurrentKey(kind)
    }
    do {
      try await firstX509()
    } catch {
      guard x509.current.status == .active else { throw error }
      failed("X509 CA", error)
    }
    // Rather a late authority than none: it is valid and in the bundle, and the next pass goes on.
    if authority.activeX509CA == nil { signWithCurrentX509CA() }
    await checkClock()
    for kind in tokenKinds {
      do {
        try await rotateKey(kind)
      } catch {
        guard self[kind].current.status == .active else { throw error }
        failed(kind.keyName, error)
      }
      if authority.activeKey(kind) == nil { signWithCurrentKey(kind) }
    }
  }

  /// The first pass: an authority above that is away for a moment does not end a server that has nothing to sign with.
  private func firstX509() async throws {
    let end = time.steady + configuration.startPatience
    var wait = Duration.seconds(1)
    while true {
      do {
        return try await rotateX509()
      } catch let error as AuthorityError where [.unavailable, .permissionDenied].contains(error.code) {
        guard configuration.upstream != nil, x509.current.status != .active, time.steady + wait <= end else {
          throw error
        }
        log.warning(
          "There is no X509 CA yet; trying again",
          metadata: ["error": "\(error)", "after": "\(GoDuration.format(wait))"])
        try await time.sleep(for: wait)
        wait = min(wait * 2, .seconds(10))
      }
    }
  }

  // MARK: Service

  /// Rotates every 10 s, and at once when the clock was set past the end of the CA that signs; prunes the bundle every 6 h and the journals every 8 h until shutdown.
  package func run() async throws {
    do {
      try await cancelWhenGracefulShutdown {
        try await withThrowingDiscardingTaskGroup { group in
          group.addTask { try await self.rotateRepeatedly() }
          group.addTask { try await self.repeatedly(every: .seconds(6 * 3600)) { await $0.pruneBundle() } }
          group.addTask { try await self.repeatedly(every: .seconds(8 * 3600)) { await $0.pruneJournals() } }
          if let upstream = self.configuration.upstream { group.addTask { try await self.followUpstream(upstream) } }
        }
      }
    } catch is CancellationError {
      return
    }
  }

  private func rotateRepeatedly() async throws {
    var next = time.steady + Self.period
    while true {
      try await time.sleep(for: .seconds(1))
      let ended = authority.activeX509CA.flatMap { $0.expiresAt <= time.now ? $0.authorityID : nil }
      guard time.steady >= next || ended != endedCA else { continue }
      endedCA = ended
      await rotate()
      next = time.steady + Self.period
    }
  }

  private nonisolated func repeatedly(
    every interval: Duration, _ work: @Sendable (CAManager) async -> Void
  ) async throws {
    while true {
      try await time.sleep(for: interval)
      await work(self)
    }
  }

  // MARK: Rotation

  /// One pass over all authorities. Failures are logged and counted; the next pass tries again.
  package func rotate() async {
    await exclusively {
      var succeeded = true
      do {
        try await rotateX509()
      } catch {
        failed("X509 CA", error)
        succeeded = false
      }
      await checkClock()
      await revokeWithdrawnRoots()
      // Without an X.509 authority the server cannot serve, and the journal could not be stored.
      guard authority.activeX509CA != nil else { return }
      for kind in tokenKinds {
        do {
          try await rotateKey(kind)
        } catch {
          failed(kind.keyName, error)
          succeeded = false
        }
      }
      if succeeded { health.succeeded() }
    }
  }

  private func rotateX509() async throws {
    for _ in 0..<Self.actionsPerPass {
      switch x509.dueAction(at: time.now) {
      case .prepare(let position):
        try await prepareX509(position)
        if canWait(x509.current) { return }
      case .activateCurrent: try await activateX509(.current)
      case .activateNext: try await activateX509(.next)
      case nil: return
      }
    }
  }

  private func rotateKey(_ kind: TokenKind) async throws {
    for _ in 0..<Self.actionsPerPass {
      switch self[kind].dueAction(at: time.now) {
      case .prepare(let position):
        try await prepareKey(kind, position)
        if canWait(self[kind].current) { return }
      case .activateCurrent: try await activateKey(kind, .current)
      case .activateNext: try await activateKey(kind, .next)
      case nil: return
      }
    }
  }

  /// Whether the authority that signs lasts for some more passes. A new one then signs in the next pass at the
  /// earliest, when agents, which look every 5 s, have it in their bundles.
  private func canWait<A>(_ current: AuthoritySlots<A>.Slot) -> Bool {
    guard current.status == .active, let authority = current.authority else { return false }
    return authority.expiresAt > time.now.addingTimeInterval(60)
  }

  private func failed(_ what: String, _ error: any Error) {
    if Task.isCancelled { return }
    health.failed()
    log.error("Unable to rotate \(what)", metadata: ["error": "\(error)"])
  }

  // MARK: One at a time

  /// Runs `body` when no other operation is under way. Actors let calls in at every `await`; rotation, and what an
  /// operator asks for meanwhile, must not see each other's halves.
  func exclusively<T: Sendable>(_ body: () async throws -> T) async rethrows -> T {
    if isBusy { await withCheckedContinuation { waiting.append($0) } }
    isBusy = true
    defer {
      if waiting.isEmpty { isBusy = false } else { waiting.removeFirst().resume() }
    }
    return try await body()
  }
}
