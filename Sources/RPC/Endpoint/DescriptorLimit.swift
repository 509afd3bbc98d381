import Glibc

/// How many connections the process's limit of open files leaves room for.
enum DescriptorLimit {
  /// The connections that an endpoint may have. Databases, files and calls out need descriptors too, and a connection to
  /// a Unix socket comes with a handle of the process at its other end.
  ///
  /// - Parameter fifths: the endpoint's share of all descriptors.
  static func connections(on address: ListeningSocket.Address, fifths: Int) -> Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return .max }
    return connections(on: address, fifths: fifths, limit: limit.rlim_cur)
  }

  static func connections(on address: ListeningSocket.Address, fifths: Int, limit: UInt) -> Int {
    let descriptors = Int(clamping: limit) / 5 * fifths
    if case .unix = address { return max(8, descriptors / 2) }
    return max(8, descriptors)
  }
}
