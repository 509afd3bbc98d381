/// A secret with which an agent attests once.
package struct JoinToken: Hashable, Sendable {
  package var value: String
  /// Unix seconds.
  package var expiresAt: Int64

  package init(value: String, expiresAt: Int64) {
    self.value = value
    self.expiresAt = expiresAt
  }
}
