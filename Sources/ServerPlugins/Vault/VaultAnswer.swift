import HTTP
import SPIFFE

/// What Vault answers, as JSON: data, an `auth` block, or errors. A value; reading it is pure.
struct VaultAnswer: Sendable {
  /// Of an answer, in bytes. A list of ten thousand keys stays below.
  static let maximumSize = 4 << 20

  let json: JSONValue

  /// The answer of a status that says it worked. Some have no content.
  init(_ answer: HTTPAnswer, to request: String) throws(VaultError) {
    if answer.status == 204 || answer.body.isEmpty {
      json = .object([:])
      return
    }
    let limits = JSONLimits(maximumBytes: Self.maximumSize, maximumDepth: 32, rejectsDuplicates: true)
    do { json = try JSONValue(parsing: answer.body, limits: limits) } catch {
      throw VaultError(.badAnswer, "Vault's answer to \(request) is no JSON: \(error)", cause: error)
    }
    guard json.object != nil else {
      throw VaultError(.badAnswer, "Vault's answer to \(request) is no JSON object")
    }
  }

  /// What it holds.
  func data(_ request: String) throws(VaultError) -> JSONValue {
    guard let data = json["data"], data.object != nil else {
      throw VaultError(.badAnswer, "Vault's answer to \(request) has no data")
    }
    return data
  }

  /// The token that a login or a renewal gave.
  func lease(_ request: String) throws(VaultError) -> VaultSession.Lease {
    guard let auth = json["auth"], auth.object != nil else {
      throw VaultError(.badAnswer, "Vault's answer to \(request) has no auth")
    }
    guard let token = auth["client_token"]?.string, !token.isEmpty else {
      throw VaultError(.badAnswer, "Vault's answer to \(request) has no client_token")
    }
    guard let duration = auth["lease_duration"]?.integer, (0...(1 << 40)).contains(duration) else {
      throw VaultError(.badAnswer, "Vault's answer to \(request) has no lease_duration")
    }
    return .init(token: token, duration: duration, isRenewable: auth["renewable"] == .bool(true))
  }

  /// The errors that Vault names, on one line; at most some of them.
  static func errors(_ answer: HTTPAnswer) -> [String] {
    guard let json = try? JSONValue(parsing: answer.body), let list = json["errors"]?.array else { return [] }
    return list.prefix(8).compactMap { item in
      item.string.map { text in
        String(text.prefix(400)).split(whereSeparator: \.isNewline).map { $0.filter { !$0.isASCII || $0 >= " " } }
          .joined(separator: " ")
      }
    }
  }

  /// What an answer that is none of success says.
  static func failure(_ answer: HTTPAnswer, _ request: String) -> VaultError {
    let named = errors(answer)
    let detail = named.isEmpty ? answer.reason : named.joined(separator: "; ")
    let text = "Vault answered \(answer.status) to \(request): \(detail)"
    switch answer.status {
    case 403: return VaultError(.denied, text + "; check the token and its policies")
    case 404: return VaultError(.notFound, text)
    case 429: return VaultError(.unavailable, text + "; a rate limit quota of Vault is used up")
    case 503 where named.contains { $0.contains("sealed") }:
      return VaultError(.unavailable, text + "; unseal it, and it is used again")
    case 412, 472, 473, 500...599: return VaultError(.unavailable, text)
    case 400...499: return VaultError(.refused, text)
    default: return VaultError(.badAnswer, text)
    }
  }

  /// Whether the same request may work in a moment.
  static func isWorthAnotherTry(_ status: Int) -> Bool {
    status == 412 || status == 429 || ((500...599).contains(status) && status != 501)
  }
}
