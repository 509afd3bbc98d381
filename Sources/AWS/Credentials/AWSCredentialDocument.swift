import Daemon
import FoundationEssentials

/// Credentials as the endpoints of containers and instances, programs and IAM Identity Center write them in JSON.
enum AWSCredentialDocument {
  private struct Temporary: Decodable {
    var Version: Int?
    var Code: String?
    var Message: String?
    var AccessKeyId: String?
    var SecretAccessKey: String?
    var Token: String?
    var SessionToken: String?
    var Expiration: String?
  }

  /// What the endpoint of a container or an instance answers.
  static func temporary(_ body: [UInt8]) throws(AWSError) -> AWSCredentials {
    let document = try decode(Temporary.self, body, "the answer")
    if let code = document.Code, code.lowercased() != "success" {
      throw AWSError(AWSFailure.line("it answers \(code): \(document.Message ?? "")"))
    }
    return try credentials(document, document.Token, "the answer")
  }

  /// What a program of `credential_process` prints.
  static func printed(_ output: [UInt8]) throws(AWSError) -> AWSCredentials {
    let document = try decode(Temporary.self, output, "the output")
    guard document.Version == 1 else { throw AWSError("wrong version in process output (not 1)") }
    return try credentials(document, document.SessionToken, "process output")
  }

  private static func credentials(
    _ document: Temporary, _ token: String?, _ what: String
  ) throws(AWSError) -> AWSCredentials {
    guard let id = document.AccessKeyId, !id.isEmpty else { throw AWSError("missing AccessKeyId in \(what)") }
    guard let secret = document.SecretAccessKey, !secret.isEmpty else {
      throw AWSError("missing SecretAccessKey in \(what)")
    }
    return AWSCredentials(
      accessKeyID: id, secretAccessKey: secret, sessionToken: token, expiresAt: try end(document.Expiration, what))
  }

  /// A time that is not read must not make credentials that never end.
  private static func end(_ text: String?, _ what: String) throws(AWSError) -> Date? {
    guard let text, !text.isEmpty else { return nil }
    guard let date = GoTime.parseRFC3339(text) else { throw AWSError("Expiration in \(what) is no time") }
    return date
  }

  private struct SSOAnswer: Decodable {
    struct Credentials: Decodable {
      var accessKeyId: String
      var secretAccessKey: String
      var sessionToken: String
      /// Milliseconds since 1970.
      var expiration: Int64
    }
    var roleCredentials: Credentials
  }

  /// What GetRoleCredentials of IAM Identity Center answers.
  static func sso(_ body: [UInt8]) throws(AWSError) -> AWSCredentials {
    let found = try decode(SSOAnswer.self, body, "GetRoleCredentials: the answer").roleCredentials
    return AWSCredentials(
      accessKeyID: found.accessKeyId, secretAccessKey: found.secretAccessKey, sessionToken: found.sessionToken,
      expiresAt: Date(timeIntervalSince1970: Double(found.expiration) / 1000))
  }

  private struct SSOToken: Decodable {
    var accessToken: String
    var expiresAt: String
  }

  /// The token that `aws sso login` left in a file, and when it ends.
  static func ssoToken(_ file: [UInt8]) throws(AWSError) -> (token: String, end: Date) {
    let found = try decode(SSOToken.self, file, "the cached SSO token")
    guard !found.accessToken.isEmpty, let end = GoTime.parseRFC3339(found.expiresAt) else {
      throw AWSError("the cached SSO token is empty, or expiresAt is no time")
    }
    return (found.accessToken, end)
  }

  private static func decode<T: Decodable>(_ type: T.Type, _ body: [UInt8], _ what: String) throws(AWSError) -> T {
    do { return try JSONDecoder().decode(type, from: Data(body)) } catch {
      throw AWSError("\(what) holds no credentials")
    }
  }
}
