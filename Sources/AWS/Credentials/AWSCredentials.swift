package import FoundationEssentials

/// What requests to AWS are signed with. Never logged.
package struct AWSCredentials: Hashable, Sendable {
  package var accessKeyID: String
  package var secretAccessKey: String
  /// Given for temporary credentials, and sent with each request.
  package var sessionToken: String?
  /// When temporary credentials end; nil if that is not known or never.
  package var expiresAt: Date?

  package init(accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil, expiresAt: Date? = nil) {
    self.accessKeyID = accessKeyID
    self.secretAccessKey = secretAccessKey
    self.sessionToken = sessionToken.flatMap { $0.isEmpty ? nil : $0 }
    self.expiresAt = expiresAt
  }
}
