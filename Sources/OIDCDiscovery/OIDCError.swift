package import Daemon

/// Why the discovery provider cannot do something.
package typealias OIDCError = CodedError<OIDCErrorCode>

/// The kinds of ``OIDCError``.
package enum OIDCErrorCode: Sendable {
  /// A source did not deliver keys.
  case source
  /// What a source delivered cannot be used.
  case malformed
  /// The provider cannot listen.
  case listener
  /// A file that is needed at the start is of no use.
  case file
}
