import CryptoExtras
import Daemon
import FoundationEssentials
import HTTP
import SPIFFE

/// A service account's file: whom Google's services are asked as. Holds a private key; never printed.
struct GoogleAccount: Sendable {
  private let email: String
  private let keyID: String
  private let tokenURL: WebURL
  private let key: _RSA.Signing.PrivateKey

  init(_ document: JSONValue) throws(GoogleCredentials.Fault) {
    guard let email = document["client_email"]?.string, let pem = document["private_key"]?.string else {
      throw GoogleCredentials.Fault("lacks client_email or private_key")
    }
    do { key = try _RSA.Signing.PrivateKey(pemRepresentation: pem) } catch {
      throw GoogleCredentials.Fault("has a private_key that is not read")
    }
    self.email = email
    keyID = document["private_key_id"]?.string ?? ""
    let text = document["token_uri"]?.string ?? ""
    do { tokenURL = try WebURL(text.isEmpty ? GoogleCredentials.tokenURL : text) } catch {
      throw GoogleCredentials.Fault("has a token_uri that \(error)")
    }
  }

  func token(_ scope: String, _ web: GoogleWeb) async throws(ServerPluginError) -> GoogleToken {
    let assertion: String
    do { assertion = try self.assertion(scope: scope, at: web.time.now) } catch {
      throw ServerPluginError(.internal, "unable to sign with the service account's key: \(error)", cause: error)
    }
    return try GoogleToken(
      try await web.json(
        GoogleForm.request(
          tokenURL, [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", assertion)])))
  }

  /// A request for an access token, signed (RFC 7523 §2.1).
  private func assertion(scope: String, at now: Date) throws -> String {
    let issued = Int64(now.timeIntervalSince1970)
    let header: JSONValue = ["alg": "RS256", "kid": .string(keyID), "typ": "JWT"]
    let claims: JSONValue = [
      "iss": .string(email), "scope": .string(scope), "aud": .string(tokenURL.description), "iat": .int(issued),
      "exp": .int(issued + 3600),
    ]
    let signed = "\(Base64.encodeURL(header.encoded())).\(Base64.encodeURL(claims.encoded()))"
    let signature = try key.signature(for: Data(signed.utf8), padding: .insecurePKCS1v1_5)
    return "\(signed).\(Base64.encodeURL(Array(signature.rawRepresentation)))"
  }
}
