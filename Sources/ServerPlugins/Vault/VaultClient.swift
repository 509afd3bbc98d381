import Daemon
import FoundationEssentials
import HTTP
import Keys
import Logging
import SPIFFE

/// Calls of one plugin to Vault, with a token that it gets, renews and replaces itself (server-plugins §3.6).
///
/// The plugins `vault` and `hashicorp_vault` own one each; ``tend()`` renews the token while nobody calls. An actor: one
/// login at a time, and callers that come meanwhile wait for it. No token, secret or key is ever logged.
actor VaultClient {
  /// Further tries of a request that Vault could not take, and what is waited before each, as Vault's own clients do.
  private static let pauses: [Duration] = [.seconds(1), .milliseconds(1500)]
  /// The longest wait that an answer can ask for.
  private static let longestPause = Duration.seconds(5)
  /// A token that is younger is not replaced because of a refusal: the policy is what refuses then. In seconds.
  private static let youngToken = 5.0
  /// The longest wait between two calls of ``tend()``.
  static let idle = Duration.seconds(60)
  /// When a request that began so long ago is not tried again: calls of a key manager end after half a minute.
  private static let patience = Duration.seconds(10)

  private let settings: VaultSettings
  private let transport: any VaultTransport
  private let time: any TimeSource
  private let logger: Logger
  private var session = VaultSession()
  private var isAuthenticating = false
  private var waiting: [CheckedContinuation<Void, any Error>] = []

  init(_ settings: VaultSettings, transport: any VaultTransport, time: any TimeSource, logger: Logger) {
    self.settings = settings
    self.transport = transport
    self.time = time
    self.logger = logger
  }

  // MARK: Requests

  /// The answer to `method` of `path` (`transit/keys/a`), asked with a token of this client. Where Vault refuses the token,
  /// a new one is asked for, once.
  func call(
    _ method: HTTPRequest.Method, _ path: String, query: String = "", _ body: JSONValue? = nil
  ) async throws -> VaultAnswer {
    let used = try await token()
    do {
      return try await send(method, path, query: query, body, token: used)
    } catch let error as VaultError where error.kind == .denied {
      guard try await isReplaced(used) else { throw error }
      return try await send(method, path, query: query, body, token: try await token())
    }
  }

  /// Whether there is, or can be, another token than one that was refused.
  private func isReplaced(_ used: String) async throws -> Bool {
    guard session.lease?.token == used else { return true }
    guard settings.auth.loginPath != nil, session.age(at: time.now) >= Self.youngToken else { return false }
    logger.info("Vault refuses the token; logging in again", metadata: ["auth_method": "\(settings.auth)"])
    session.ended()
    return true
  }

  private func send(
    _ method: HTTPRequest.Method, _ path: String, query: String = "", _ body: JSONValue?, token: String?
  ) async throws -> VaultAnswer {
    var request = HTTPRequest(method, url(path, query), headers: headers(token), body: body?.encoded())
    if body != nil { request.headers.append(HTTPField("Content-Type", "application/json")) }
    let name = "\(method.rawValue) \(request.url)"
    let start = time.steady
    var attempt = 0
    while true {
      var failure: VaultError
      var pause: Duration?
      do {
        let answer = try await exchange(request)
        if (200...299).contains(answer.status) { return try VaultAnswer(answer, to: name) }
        failure = VaultAnswer.failure(answer, name)
        guard VaultAnswer.isWorthAnotherTry(answer.status) else { throw failure }
        pause = answer.header("Retry-After").flatMap { Int64($0) }.map { .seconds(max(0, $0)) }
      } catch let error as HTTPFailure {
        if Task.isCancelled { throw CancellationError() }
        failure = VaultError(.unavailable, "\(name): \(error)", cause: error)
        if error.isAuthentication { throw failure }
      }
      guard attempt < Self.pauses.count, time.steady - start < Self.patience else { throw failure }
      try await time.sleep(for: min(pause ?? Self.pauses[attempt], Self.longestPause))
      attempt += 1
    }
  }

  /// A standby that does not forward names the active server: one redirection is followed, to https from https.
  private func exchange(_ request: HTTPRequest) async throws -> HTTPAnswer {
    let answer = try await transport.send(request)
    guard [301, 302, 307, 308].contains(answer.status), let location = answer.header("Location") else { return answer }
    var next = request
    do { next.url = try request.url.redirected(to: location) } catch {
      throw VaultError(
        .badAnswer, "Vault's redirection to \(GoText.quote(location)) is not followed: it \(error)", cause: error)
    }
    return try await transport.send(next)
  }

  private func url(_ path: String, _ query: String) -> WebURL {
    var url = settings.address
    var base = url.target.prefix { $0 != "?" }
    while base.hasSuffix("/") { base = base.dropLast() }
    url.target = base + "/v1/" + path + (query.isEmpty ? "" : "?" + query)
    return url
  }

  private func headers(_ token: String?) -> [HTTPField] {
    var headers = [HTTPField("X-Vault-Request", "true")]
    if let token { headers.append(HTTPField("X-Vault-Token", token)) }
    if !settings.namespace.isEmpty { headers.append(HTTPField("X-Vault-Namespace", settings.namespace)) }
    return headers
  }

  // MARK: The token

  /// A token that is good, after a login or a renewal where that is due.
  private func token() async throws -> String {
    while true {
      let need = session.need(at: time.now)
      if need == .nothing, let lease = session.lease { return lease.token }
      // While a good token is renewed, others go on with it.
      if isAuthenticating, need == .renewal, let lease = session.lease { return lease.token }
      if isAuthenticating {
        try await withCheckedThrowingContinuation { waiting.append($0) }
        continue
      }
      try await authenticate(need)
    }
  }

  /// Does what is due now, as the only one. Who waits for it gets its failure too, and does not try in turn.
  private func authenticate(_ need: VaultSession.Need) async throws {
    isAuthenticating = true
    let result: Result<Void, any Error>
    do {
      switch need {
      case .nothing: break
      case .login: try await logIn()
      case .renewal: await renew()
      }
      result = .success(())
    } catch {
      result = .failure(error)
    }
    isAuthenticating = false
    let callers = waiting
    waiting = []
    // One who gave up says nothing about Vault.
    var isCancelled = false
    if case .failure(let error) = result { isCancelled = error is CancellationError }
    for caller in callers { caller.resume(with: isCancelled ? .success(()) : result) }
    try result.get()
  }

  private func logIn() async throws {
    try await transport.reload()
    let lease: VaultSession.Lease
    if case .token(let token) = settings.auth {
      lease = try await lookUp(token)
    } else {
      lease = try await logIn(at: settings.auth.loginPath ?? "")
    }
    session.began(lease, at: time.now)
    logger.debug(
      "Authenticated to Vault",
      metadata: [
        "auth_method": "\(settings.auth)", "lease_duration": "\(lease.duration)",
        "renewable": .stringConvertible(lease.isRenewable),
      ])
    if lease.duration > 0, !lease.isRenewable, settings.auth.loginPath == nil {
      logger.warning("The token cannot be renewed; Vault will not take it when it has ended")
    }
  }

  private func logIn(at path: String) async throws -> VaultSession.Lease {
    let body: JSONValue
    switch settings.auth {
    case .token: body = [:]
    case .certificate(_, let role, _, _): body = role.isEmpty ? [:] : ["name": .string(role)]
    case .appRole(_, let id, let secret): body = ["role_id": .string(id), "secret_id": .string(secret)]
    case .kubernetes(_, let role, let path): body = ["role": .string(role), "jwt": .string(try await Self.text(path))]
    }
    let answer: VaultAnswer
    do { answer = try await send(.put, path, body, token: nil) } catch let error as VaultError {
      // Vault calls credentials that it does not know a bad request.
      let kind = error.kind == .refused ? .denied : error.kind
      throw VaultError(kind, "authentication with method \(settings.auth) failed: \(error)", cause: error)
    }
    return try answer.lease("PUT \(path)")
  }

  private func lookUp(_ token: String) async throws -> VaultSession.Lease {
    let answer: VaultAnswer
    do { answer = try await send(.get, "auth/token/lookup-self", nil, token: token) } catch let error as VaultError {
      throw VaultError(error.kind, "authentication with method token failed: \(error)", cause: error)
    }
    let data = try answer.data("GET auth/token/lookup-self")
    guard let ttl = data["ttl"]?.integer, (0...(1 << 40)).contains(ttl) else {
      throw VaultError(.badAnswer, "Vault's answer to GET auth/token/lookup-self has no ttl")
    }
    return .init(token: token, duration: ttl, isRenewable: data["renewable"] == .bool(true))
  }

  /// Keeps the token going. What is wrong is logged: the token is good for a while yet.
  private func renew() async {
    guard let old = session.lease else { return }
    do {
      let answer = try await send(.put, "auth/token/renew-self", [:], token: old.token)
      var lease = try answer.lease("PUT auth/token/renew-self")
      lease.token = old.token
      session.began(lease, at: time.now)
      logger.debug("Token of Vault renewed", metadata: ["lease_duration": "\(lease.duration)"])
    } catch let error as VaultError where error.kind == .denied && settings.auth.loginPath != nil {
      logger.info("Vault does not renew the token; logging in again", metadata: ["error": "\(error)"])
      session.ended()
    } catch {
      session.renewalFailed(at: time.now)
      logger.warning(
        "Unable to renew the token of Vault",
        metadata: ["error": "\(error)", "expires_at": "\(session.end.map { GoTime.rfc3339($0, nanos: false) } ?? "")"])
    }
  }

  private static func text(_ path: String) async throws(VaultError) -> String {
    let bytes: [UInt8]?
    do { bytes = try await BackgroundWork.run { try BoundedFile.read(path, limit: 64 << 10) } } catch {
      throw VaultError(.configuration, "token_path: \(error)", cause: error)
    }
    guard let bytes else { throw VaultError(.configuration, "token_path \(path): no such file or directory") }
    let text = String(decoding: bytes, as: UTF8.self)
    return String(text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
  }

  // MARK: Between calls

  /// Renews the token if that is due; its owner calls it again and again.
  ///
  /// - Returns: how long to wait before the next time.
  func tend() async -> Duration {
    if !isAuthenticating {
      switch session.need(at: time.now) {
      case .nothing: break
      case .renewal: try? await authenticate(.renewal)
      case .login:
        // A token that was given is lost if nobody renews it; with the other methods the next call logs in.
        if settings.auth.loginPath == nil { await lookUpUnasked() }
      }
    }
    guard session.need(at: time.now) != .login, let due = session.due else { return Self.idle }
    // A lease may be replaced meanwhile by a shorter one.
    return min(max(.seconds(due.timeIntervalSince(time.now)), .milliseconds(100)), Self.idle)
  }

  private func lookUpUnasked() async {
    do { try await authenticate(.login) } catch {
      if !Task.isCancelled { logger.warning("Unable to use the token of Vault", metadata: ["error": "\(error)"]) }
    }
  }
}
