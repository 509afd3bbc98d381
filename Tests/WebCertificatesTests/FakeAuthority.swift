import Crypto
import Daemon
import Foundation
import HTTP
import RPC
import SPIFFE
import SwiftASN1
import Synchronization
import X509

@testable import WebCertificates

/// A certificate authority in memory that does what RFC 8555 says: nonces are good once, requests are signed, control is
/// proven, requests are honoured. A test may answer in its place.
final class FakeAuthority: ACMETransport {
  /// What a test says instead; nil leaves it to the authority.
  typealias Reply = @Sendable (_ method: String, _ path: String, _ count: Int) -> HTTPAnswer?

  private struct State {
    var nonces: Set<String> = []
    var serial = 0
    var accounts: [String: PublicKey] = [:]
    var authorized = false
    var domain = ""
    var token = ""
    var chain: String?
    var requests: [String] = []
    var reply: Reply?
    var life: TimeInterval = 90 * 86400
    var account = ""
  }

  static let directory = "https://ca.test/dir"
  private let state = Mutex(State())
  private let key = P256.Signing.PrivateKey()
  private let board: ChallengeBoard
  private let time: any TimeSource

  init(board: ChallengeBoard, time: any TimeSource) {
    self.board = board
    self.time = time
  }

  var requests: [String] { state.withLock { $0.requests } }
  func say(_ reply: Reply?) { state.withLock { $0.reply = reply } }
  func live(_ life: TimeInterval) { state.withLock { $0.life = life } }

  func send(_ request: HTTPRequest) async throws(ACMEError) -> HTTPAnswer {
    let path = request.url.target
    let method = request.method.rawValue
    let (reply, count) = state.withLock { state in
      state.requests.append("\(method) \(path)")
      return (state.reply, state.requests.count { $0 == "\(method) \(path)" })
    }
    if var answer = reply?(method, path, count) {
      if answer.header("Replay-Nonce") == nil { answer.headers.append(nonce()) }
      return answer
    }
    do {
      var answer = try respond(path, request)
      answer.headers.append(nonce())
      return answer
    } catch let problem as Problem {
      return Self.problem(problem.status, problem.type, headers: [nonce()])
    } catch { return Self.problem(500, "serverInternal") }
  }

  struct Problem: Error {
    var status: Int
    var type: String
  }

  static func problem(_ status: Int, _ type: String, headers: [HTTPField] = []) -> HTTPAnswer {
    json(
      ["type": .string("urn:ietf:params:acme:error:" + type), "detail": .string("about \(type)")], status, headers)
  }

  static func json(_ value: JSONValue, _ status: Int = 200, _ headers: [HTTPField] = []) -> HTTPAnswer {
    HTTPAnswer(
      status: status, headers: headers + [HTTPField("Content-Type", "application/json")], body: value.encoded())
  }

  private func nonce() -> HTTPField {
    state.withLock { state in
      state.serial += 1
      state.nonces.insert("nonce-\(state.serial)")
      return HTTPField("Replay-Nonce", "nonce-\(state.serial)")
    }
  }

  // MARK: Resources

  private func respond(_ path: String, _ request: HTTPRequest) throws -> HTTPAnswer {
    if path == "/dir" {
      return Self.json([
        "newNonce": "https://ca.test/nonce", "newAccount": "https://ca.test/account",
        "newOrder": "https://ca.test/order",
        "meta": ["termsOfService": "https://ca.test/terms"],
      ])
    }
    if path == "/nonce" { return HTTPAnswer(status: 200) }
    let payload = try verify(request, path)
    switch path {
    case "/account":
      guard payload["termsOfServiceAgreed"] == .bool(true) else {
        throw Problem(status: 403, type: "userActionRequired")
      }
      return Self.json(["status": "valid"], 201, [HTTPField("Location", "https://ca.test/account/1")])
    case "/order":
      let name = payload["identifiers"]?.array?.first?["value"]?.string ?? ""
      state.withLock { state in
        state.domain = name
        state.authorized = false
        state.chain = nil
        state.token = "token_\(state.serial)-x"
      }
      return order(201)
    case "/order/1": return order(200)
    case "/authz/1": return authorization()
    case "/chall/tls": return try check { try checkTLS() }
    case "/chall/http": return try check { try checkHTTP() }
    case "/finalize/1": return try finalize(payload)
    case "/cert/1":
      guard let chain = state.withLock({ $0.chain }) else { throw Problem(status: 404, type: "malformed") }
      return HTTPAnswer(status: 200, body: Array(chain.utf8))
    default: throw Problem(status: 404, type: "malformed")
    }
  }

  private func order(_ status: Int) -> HTTPAnswer {
    let (domain, authorized, chain) = state.withLock { ($0.domain, $0.authorized, $0.chain) }
    var order: JSONObject = [
      "status": chain != nil ? "valid" : authorized ? "ready" : "pending",
      "identifiers": [["type": "dns", "value": .string(domain)]], "authorizations": ["https://ca.test/authz/1"],
      "finalize": "https://ca.test/finalize/1",
    ]
    if chain != nil { order["certificate"] = "https://ca.test/cert/1" }
    return Self.json(.object(order), status, [HTTPField("Location", "https://ca.test/order/1")])
  }

  private func authorization() -> HTTPAnswer {
    let (domain, authorized, token) = state.withLock { ($0.domain, $0.authorized, $0.token) }
    return Self.json([
      "status": authorized ? "valid" : "pending", "identifier": ["type": "dns", "value": .string(domain)],
      "challenges": [
        ["type": "dns-01", "url": "https://ca.test/chall/dns", "token": .string(token), "status": "pending"],
        ["type": "http-01", "url": "https://ca.test/chall/http", "token": .string(token), "status": "pending"],
        ["type": "tls-alpn-01", "url": "https://ca.test/chall/tls", "token": .string(token), "status": "pending"],
      ],
    ])
  }

  // MARK: Checks

  private func verify(_ request: HTTPRequest, _ path: String) throws -> JSONValue {
    guard request.method == .post, request.headers.contains(HTTPField("Content-Type", "application/jose+json")) else {
      throw Problem(status: 405, type: "malformed")
    }
    let body = try JSONValue(parsing: request.body ?? [])
    let (protected, content) = (body["protected"]?.string ?? "", body["payload"]?.string ?? "")
    let jws = try CompactJWS(parsing: "\(protected).\(content).\(body["signature"]?.string ?? "")")
    guard jws.header["url"]?.string == "https://ca.test" + path, jws.algorithm == .es256 else {
      throw Problem(status: 400, type: "unauthorized")
    }
    let nonce = jws.header["nonce"]?.string ?? ""
    guard state.withLock({ $0.nonces.remove(nonce) }) != nil else { throw Problem(status: 400, type: "badNonce") }
    let key: PublicKey
    if path == "/account" {
      guard let jwk = jws.header["jwk"]?.object, jws.header["kid"] == nil else {
        throw Problem(status: 400, type: "malformed")
      }
      key = try JSONWebKey(jwk).key
      state.withLock { $0.accounts["https://ca.test/account/1"] = key }
    } else {
      guard let kid = jws.header["kid"]?.string, let known = state.withLock({ $0.accounts[kid] }) else {
        throw Problem(status: 400, type: "accountDoesNotExist")
      }
      key = known
    }
    guard jws.isSigned(by: key) else { throw Problem(status: 400, type: "badSignature") }
    return content.isEmpty ? .null : try JSONValue(parsing: Base64.decodeURL(content))
  }

  private func keyAuthorization() throws -> String {
    let (account, token) = state.withLock { ($0.accounts["https://ca.test/account/1"], $0.token) }
    guard let account else { throw Problem(status: 400, type: "accountDoesNotExist") }
    let json = JSONWebKey(key: account).json
    let text = #"{"crv":"P-256","kty":"EC","x":"\#(json["x"]?.string ?? "")","y":"\#(json["y"]?.string ?? "")"}"#
    return token + "." + Base64.encodeURL(Array(SHA256.hash(data: Array(text.utf8))))
  }

  private func check(_ proof: () throws -> Bool) throws -> HTTPAnswer {
    let isGood = try proof()
    state.withLock { $0.authorized = isGood }
    return Self.json(["status": "processing"])
  }

  private func checkHTTP() throws -> Bool {
    let token = state.withLock { $0.token }
    return try board.page(at: "/.well-known/acme-challenge/" + token) == keyAuthorization()
  }

  private func checkTLS() throws -> Bool {
    guard let shown = board.credential(for: state.withLock { $0.domain }), let der = shown.chain.first else {
      return false
    }
    let certificate = try Certificate(derEncoded: der)
    let proof = certificate.extensions.first { $0.oid == [1, 3, 6, 1, 5, 5, 7, 1, 31] }
    let digest = Array(SHA256.hash(data: Array(try keyAuthorization().utf8)))
    guard proof?.critical == true, proof.map({ Array($0.value) }) == [0x04, 0x20] + digest else { return false }
    return try X509Certificates.dnsNames(of: certificate) == [state.withLock { $0.domain }]
  }

  private func finalize(_ payload: JSONValue) throws -> HTTPAnswer {
    guard state.withLock({ $0.authorized }) else { throw Problem(status: 403, type: "orderNotReady") }
    let request = try CertificateSigningRequest(
      derEncoded: Base64.decodeURL(payload["csr"]?.string ?? ""))
    guard request.publicKey.isValidSignature(request.signature, for: request) else {
      throw Problem(status: 400, type: "badCSR")
    }
    let names = try request.attributes.extensionRequest?.extensions.subjectAlternativeNames
    let domain = state.withLock { $0.domain }
    guard names?.map({ $0 }) == [.dnsName(domain)] else { throw Problem(status: 400, type: "badCSR") }
    let chain = try issue(domain, request.publicKey)
    state.withLock { $0.chain = chain }
    return order(200)
  }

  /// A chain of a leaf and its authority.
  func issue(_ domain: String, _ publicKey: Certificate.PublicKey, from start: Date? = nil) throws -> String {
    let issuer = try DistinguishedName { CommonName("fake") }
    let begin = start ?? time.now
    func make(_ key: Certificate.PublicKey, _ names: [GeneralName], _ isCA: Bool) throws -> Certificate {
      try Certificate(
        version: .v3, serialNumber: .init(), publicKey: key, notValidBefore: begin,
        notValidAfter: begin + state.withLock { $0.life }, issuer: issuer,
        subject: isCA ? issuer : DistinguishedName { CommonName("x") }, signatureAlgorithm: .ecdsaWithSHA256,
        extensions: try .init {
          if isCA { Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil)) }
          if !names.isEmpty { SubjectAlternativeNames(names) }
        }, issuerPrivateKey: .init(self.key))
    }
    return try [make(publicKey, [.dnsName(domain)], false), make(.init(key.publicKey), [], true)]
      .map { PEM.encode(try X509Certificates.der(of: $0), type: "CERTIFICATE") }.joined()
  }
}
