package import Daemon

/// Why files, or a program that is to hear of them, could not be dealt with. Made in this target, read by the SVID store
/// `disk` and by spiffe-helper; equal by code.
package typealias SVIDFileError = CodedError<SVIDFileErrorCode>

/// The kinds of ``SVIDFileError``.
package enum SVIDFileErrorCode: Sendable {
  /// A file or a folder refuses what has to be done with it.
  case file
  /// Something that is not ours stands where a file has to go.
  case occupied
  /// What is to be written cannot be understood.
  case malformed
  /// A program cannot be started or signalled.
  case program
  /// A text of the configuration does not say what it has to.
  case configuration
}

extension SVIDFileError {
  /// An operation that the system refused, with its `errno`.
  static func system(_ operation: String, _ path: String, _ errno: Int32) -> SVIDFileError {
    let cause = FileError(operation: operation, path: path, errno: errno)
    return SVIDFileError(.file, cause.description, cause: cause)
  }
}
