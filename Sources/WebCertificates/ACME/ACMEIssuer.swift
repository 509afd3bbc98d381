import Daemon
import FoundationEssentials
import HTTP
import Keys
import SPIFFE
import X509

/// Gets one certificate from the authority: account, order, proof of control, request, chain (RFC 8555 §7). A value that
/// keeps nothing; ``ACMECertificates`` says when, and stores what comes out.
struct ACMEIssuer: Sendable {
  /// How control of a name is proven.
  enum Proof: String, Sendable {
    case tls = "tls-alpn-01"
    case http = "http-01"
  }

  /// How often the state of an order or an authorization is asked for.
  static let maximumPolls = 40
  private static let maximumPatience = Duration.seconds(600)

  let settings: ACMESettings
  let transport: any ACMETransport
  let board: ChallengeBoard
  /// In the order in which they are tried.
  let proofs: [Proof]
  let time: any TimeSource

  /// The chain for `domain` and `key`, checked: it is for them, and valid now.
  func issue(_ domain: String, key: any ManagedKey, account: any ManagedKey) async throws(ACMEError) -> ACMEChain {
    var last = ACMEError(.authorizationFailed, "no kind of challenge is configured")
    for proof in proofs {
      do {
        return try await issue(domain, key, account, proof)
      } catch {
        guard error.code == .authorizationFailed else { throw error }
        last = error
      }
    }
    throw last
  }

  private func issue(
    _ domain: String, _ key: any ManagedKey, _ account: any ManagedKey, _ proof: Proof
  ) async throws(ACMEError) -> ACMEChain {
    let signer = try ACMESigner(account)
    let session = ACMESession(
      directoryURL: settings.directoryURL, transport: transport, signer: signer, time: time)
    try await session.open(email: settings.email, acceptsTerms: settings.acceptsTerms)
    let (url, answer) = try await session.order(domain)
    let order = try ACMEDocument(answer.body, "the order")
    // One name was ordered: more than a few proofs for it are somebody's mistake.
    for authorization in try order.strings("authorizations", atMost: 8) {
      try await authorize(authorization, domain, proof, signer, session)
    }
    let ready = try await poll(url, session, "the order for \(domain)", until: ["ready", "valid"])
    let request: [UInt8]
    do { request = try await DomainRequest.make(for: domain, key: key) } catch {
      throw ACMEError(.storage, "the key of \(domain) does not sign: \(error)", cause: error)
    }
    if try ready.string("status") == "ready" {
      let payload: JSONValue = ["csr": .string(Base64.encodeURL(request))]
      _ = try await session.post(try ready.string("finalize"), payload, "the request for \(domain)")
    }
    let done = try await poll(url, session, "the order for \(domain)", until: ["valid"])
    let chain = try await session.post(try done.string("certificate"), nil, "the certificate of \(domain)")
    return try ACMEChain(pem: chain.body, domain: domain, key: key.publicKey, now: time.now)
  }

  // MARK: Proof of control

  private func authorize(
    _ url: String, _ domain: String, _ proof: Proof, _ signer: ACMESigner, _ session: ACMESession
  ) async throws(ACMEError) {
    let what = "the authorization of \(domain)"
    let authorization = try ACMEDocument(try await session.post(url, nil, what).body, what)
    guard let identifier = try authorization.document("identifier"), try identifier.string("type") == "dns",
      try identifier.string("value").lowercased() == domain
    else { throw authorization.malformed("identifier", "the name that was ordered") }
    let status = try authorization.string("status")
    if status == "valid" { return }
    guard status == "pending" else {
      throw ACMEError(.authorizationFailed, "\(what) is \(GoText.quote(String(status.prefix(64))))")
    }
    var challenge: ACMEDocument?
    for offered in try authorization.documents("challenges", atMost: 32) {
      if try offered.string("type") == proof.rawValue { challenge = offered }
    }
    guard let challenge else {
      throw ACMEError(.authorizationFailed, "\(what): the authority does not offer \(proof.rawValue)")
    }
    let token = try challenge.string("token")
    guard !token.isEmpty, token.utf8.count <= 512, token.utf8.allSatisfy({ ACMESession.isURLSafe($0) }) else {
      throw challenge.malformed("token", "base64url")
    }
    try put(up: token, domain, proof, signer)
    defer { board.takeDown(domain: domain, token: token) }
    _ = try await session.post(try challenge.string("url"), [:], "the challenge of \(domain)")
    _ = try await poll(url, session, what, until: ["valid"])
  }

  private func put(up token: String, _ domain: String, _ proof: Proof, _ signer: ACMESigner) throws(ACMEError) {
    let answer = signer.keyAuthorization(token)
    switch proof {
    case .http: board.show(answer, for: token)
    case .tls:
      do {
        board.show(
          try ChallengeCertificate.make(for: domain, keyAuthorization: answer, now: time.now), for: domain)
      } catch {
        throw ACMEError(.storage, "no certificate for the challenge of \(domain): \(error)", cause: error)
      }
    }
  }

  // MARK: Waiting

  /// Asks for a resource until its status is one of `wanted`.
  private func poll(
    _ url: String, _ session: ACMESession, _ what: String, until wanted: [String]
  ) async throws(ACMEError) -> ACMEDocument {
    var waited = Duration.zero
    for round in 1...Self.maximumPolls {
      let answer = try await session.post(url, nil, what)
      let document = try ACMEDocument(answer.body, what)
      let status = try document.string("status")
      if wanted.contains(status) { return document }
      guard ["pending", "processing", "ready"].contains(status) else {
        throw try failure(document, what, status)
      }
      let asked = answer.retryAfter(now: time.now) ?? .seconds(min(round, 10))
      let pause = max(Duration.milliseconds(250), min(asked, Duration.seconds(60)))
      waited += pause
      guard waited <= Self.maximumPatience else { break }
      do { try await time.sleep(for: pause) } catch { throw ACMEError(.timeout, "\(what): cancelled", cause: error) }
    }
    throw ACMEError(.timeout, "\(what) does not come to an end")
  }

  private func failure(_ document: ACMEDocument, _ what: String, _ status: String) throws(ACMEError) -> ACMEError {
    var reasons = [ACMEError.text(of: try document.document("error"))]
    for challenge in (try? document.documents("challenges", atMost: 32)) ?? [] {
      reasons.append(ACMEError.text(of: try challenge.document("error")))
    }
    let reason = reasons.filter { !$0.isEmpty }.map { GoText.quote($0) }.joined(separator: ", ")
    return ACMEError(
      .authorizationFailed,
      "\(what) is \(GoText.quote(String(status.prefix(64))))" + (reason.isEmpty ? "" : ": \(reason)"))
  }
}
