/// The compressions of `grpc-encoding` that are known here.
enum MessageEncoding: String, Sendable {
  case identity
  case gzip

  /// The value of `grpc-accept-encoding`.
  static let accepted = "identity,gzip"
}
