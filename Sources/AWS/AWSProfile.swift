/// A role that whoever holds a token of an OpenID provider may take on, such as the service account of a pod. A value.
package struct AWSWebIdentity: Hashable, Sendable {
  /// Read anew each time: whoever writes it replaces it before it ends.
  package var tokenFile: String
  /// An ARN.
  package var role: String
  package var session: String

  package init(tokenFile: String, role: String, session: String) {
    self.tokenFile = tokenFile
    self.role = role
    self.session = session
  }
}

/// One profile of the files that AWS's tools share. Holds a secret, never printed. A value.
struct AWSProfile {
  /// What a profile may say about where credentials come from, and is not followed here.
  private static let unsupported = [
    "role_arn", "source_profile", "credential_source", "credential_process", "sso_session", "sso_start_url",
  ]

  private(set) var isThere = false
  private var values: [Substring: Substring] = [:]

  /// Adds what a file says under `[heading]`; it counts more than what was there.
  mutating func add(_ text: String, heading: String) {
    var isInside = false
    for line in text.split(whereSeparator: \.isNewline) {
      let line = line.trimmed
      if line.first == "[", line.last == "]" {
        let words = line.dropFirst().dropLast().split(whereSeparator: \.isWhitespace)
        isInside = words.joined(separator: " ") == heading
        isThere = isThere || isInside
      } else if isInside, line.first != "#", line.first != ";", let equals = line.firstIndex(of: "=") {
        values[line[..<equals].trimmed] = line[line.index(after: equals)...].trimmed
      }
    }
  }

  /// What the profile gives; nil when it says nothing about credentials.
  func source(_ name: String) throws(AWSError) -> AWSCredentialChain.Source? {
    func value(_ name: Substring) -> String? { values[name].flatMap { $0.isEmpty ? nil : String($0) } }
    if let file = value("web_identity_token_file") {
      guard let role = value("role_arn") else {
        throw AWSError("the profile \(name) has web_identity_token_file without role_arn")
      }
      return .webIdentity(
        AWSWebIdentity(tokenFile: file, role: role, session: value("role_session_name") ?? "spire-server"))
    }
    // To go on as somebody else than the profile says would be worse than not to go on.
    if let key = Self.unsupported.first(where: { value($0[...]) != nil }) {
      throw AWSError("the profile \(name) has \(key), which is not supported; use keys or a web identity")
    }
    guard let id = value("aws_access_key_id"), let secret = value("aws_secret_access_key") else { return nil }
    return .credentials(
      AWSCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: value("aws_session_token")))
  }
}
