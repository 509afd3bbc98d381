import Crypto
import Keys
import SPIFFE

/// Signs requests with the account's key (RFC 8555 §6.2): flattened JWS with ES256. A value.
struct ACMESigner: Sendable {
  private let key: any ManagedKey
  private let jwk: JSONObject

  /// - Parameter key: EC P-256.
  init(_ key: any ManagedKey) throws(ACMEError) {
    guard key.type == .ecP256 else {
      throw ACMEError(.storage, "the key of the ACME account is \(key.type.rawValue): ec-p256 is needed; remove it")
    }
    self.key = key
    jwk = JSONWebKey(key: key.publicKey).json
  }

  /// What proves to the authority that a challenge was answered on behalf of this account (RFC 8555 §8.1).
  func keyAuthorization(_ token: String) -> String {
    // RFC 7638: the members that are needed, in the order of their names, without spaces.
    let digest = SHA256.hash(data: JSONValue.object(jwk).encoded(.sorted))
    return token + "." + Base64.encodeURL(Array(digest))
  }

  /// - Parameters:
  ///   - payload: nil for a POST-as-GET.
  ///   - account: its URL; nil before there is one.
  func sign(_ payload: JSONValue?, url: String, nonce: String, account: String?) async throws(ACMEError) -> [UInt8] {
    var header: JSONObject = ["alg": "ES256"]
    if let account { header["kid"] = .string(account) } else { header["jwk"] = .object(jwk) }
    header["nonce"] = .string(nonce)
    header["url"] = .string(url)
    let style = JSONStyle(escapesHTML: false)
    let protected = Base64.encodeURL(JSONValue.object(header).encoded(style))
    let content = payload.map { Base64.encodeURL($0.encoded(style)) } ?? ""
    do {
      let der = try await key.sign(Array("\(protected).\(content)".utf8), algorithm: .ecdsaSHA256)
      let signature = try P256.Signing.ECDSASignature(derRepresentation: der).rawRepresentation
      let request: JSONValue = [
        "protected": .string(protected), "payload": .string(content),
        "signature": .string(Base64.encodeURL(Array(signature))),
      ]
      return request.encoded(style)
    } catch {
      throw ACMEError(.storage, "the key of the ACME account does not sign: \(error)", cause: error)
    }
  }
}
