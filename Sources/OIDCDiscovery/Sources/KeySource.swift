import SPIFFE

/// Where the keys of a trust domain come from. ``KeyPoller`` calls it.
protocol KeySource: Sendable {
  /// All keys, now. Bounded in time by the source itself.
  func keys() async throws -> [JWTAuthority]
  /// Hands over the keys whenever they change, until the connection ends or the task is cancelled; returns at once where
  /// changes are not told.
  func watch(_ changed: @Sendable @escaping ([JWTAuthority]) -> Void) async throws
}

extension KeySource {
  func watch(_ changed: @Sendable @escaping ([JWTAuthority]) -> Void) async throws {}
}
