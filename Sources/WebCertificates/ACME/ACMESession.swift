import Daemon
import HTTP
import SPIFFE

/// A conversation with the authority under one account (RFC 8555 §6): its directory, a nonce for each request, signatures.
/// One per certificate: nothing of it is older than the order. An actor, as ``ACMEIssuer`` awaits every answer.
actor ACMESession {
  private static let attempts = 6
  private static let maximumNonces = 8

  private let directoryURL: WebURL
  private let transport: any ACMETransport
  private let signer: ACMESigner
  private let time: any TimeSource
  private var nonces: [String] = []
  private var newNonce: WebURL?
  private var newOrder: String?
  private var account: String?

  init(directoryURL: WebURL, transport: any ACMETransport, signer: ACMESigner, time: any TimeSource) {
    self.directoryURL = directoryURL
    self.transport = transport
    self.signer = signer
    self.time = time
  }

  /// Reads the directory and finds the account or makes it (RFC 8555 §7.1.1, §7.3).
  func open(email: String, acceptsTerms: Bool) async throws(ACMEError) {
    let answer = try await transport.send(HTTPRequest(.get, directoryURL))
    guard answer.status == 200 else { throw .problem(answer, "the directory \(directoryURL)", now: time.now) }
    let directory = try ACMEDocument(answer.body, "the directory")
    newNonce = try Self.url(directory.string("newNonce"))
    newOrder = try directory.string("newOrder")
    let newAccount = try directory.string("newAccount")
    let terms = try directory.document("meta")?.optionalString("termsOfService")
    if let terms, !acceptsTerms {
      throw ACMEError(
        .termsNotAccepted,
        "ACME Terms of Service (\(terms)) have not been accepted; see the `tos_accepted` configurable")
    }
    var payload: JSONObject = ["termsOfServiceAgreed": .bool(acceptsTerms)]
    if !email.isEmpty { payload["contact"] = [.string("mailto:" + email)] }
    let made = try await post(newAccount, .object(payload), "the ACME account")
    guard let location = made.header("Location"), (try? Self.url(location)) != nil else {
      throw ACMEError(.malformed, "the authority made an account and does not say where")
    }
    let status = try ACMEDocument(made.body, "the account").optionalString("status")
    guard status == nil || status == "valid" else {
      throw ACMEError(.refused, "the ACME account is \(GoText.quote(status ?? ""))")
    }
    account = location
  }

  /// Orders a certificate for `domain`: the order's URL and the answer.
  func order(_ domain: String) async throws(ACMEError) -> (url: String, answer: HTTPAnswer) {
    guard let newOrder else { throw ACMEError(.malformed, "there is no directory yet") }
    let payload: JSONValue = ["identifiers": [["type": "dns", "value": .string(domain)]]]
    let answer = try await post(newOrder, payload, "the order for \(domain)")
    guard let location = answer.header("Location") else {
      throw ACMEError(.malformed, "the authority took the order for \(domain) and does not say where it is")
    }
    return (location, answer)
  }

  /// A signed request. A nonce that is no longer good is replaced (RFC 8555 §6.5), as often as the authority wants within
  /// reason.
  ///
  /// - Parameter payload: nil for a POST-as-GET.
  func post(_ url: String, _ payload: JSONValue?, _ what: String) async throws(ACMEError) -> HTTPAnswer {
    let target = try Self.url(url)
    var last: ACMEError?
    for _ in 0..<Self.attempts {
      let body = try await signer.sign(payload, url: url, nonce: try await nonce(), account: account)
      let answer = try await transport.send(
        HTTPRequest(
          .post, target, headers: [HTTPField("Content-Type", "application/jose+json")], body: body))
      keepNonce(answer)
      if (200..<300).contains(answer.status) { return answer }
      let problem = ACMEError.problem(answer, what, now: time.now)
      guard problem.problem == "badNonce" else { throw problem }
      last = problem
    }
    throw last ?? ACMEError(.refused, what)
  }

  private func nonce() async throws(ACMEError) -> String {
    if let nonce = nonces.popLast() { return nonce }
    guard let newNonce else { throw ACMEError(.malformed, "there is no directory yet") }
    let answer = try await transport.send(HTTPRequest(.head, newNonce))
    guard (200..<300).contains(answer.status) else { throw .problem(answer, "a new nonce", now: time.now) }
    keepNonce(answer)
    guard let nonce = nonces.popLast() else { throw ACMEError(.malformed, "the authority sent no nonce") }
    return nonce
  }

  private func keepNonce(_ answer: HTTPAnswer) {
    // RFC 8555 §6.5.1: base64url, and nothing else counts.
    guard let nonce = answer.header("Replay-Nonce"), !nonce.isEmpty, nonce.utf8.count <= 512,
      nonce.utf8.allSatisfy({ Self.isURLSafe($0) })
    else { return }
    if nonces.count >= Self.maximumNonces { nonces.removeFirst() }
    nonces.append(nonce)
  }

  static func isURLSafe(_ byte: UInt8) -> Bool {
    let character = Character(Unicode.Scalar(byte))
    return byte < 0x80 && (character.isLetter || character.isNumber || byte == 0x2D || byte == 0x5F)
  }

  /// A URL that the authority named: of the web, over TLS.
  private static func url(_ text: String) throws(ACMEError) -> WebURL {
    do { return try WebURL(text) } catch {
      throw ACMEError(.malformed, "the authority names the URL \(GoText.quote(String(text.prefix(200)))): it \(error)")
    }
  }
}
