/// Where metrics are sent: `host:port` as Go writes it, or `unix:///path` of a datagram socket. A value.
package enum DatagramAddress: Hashable, Sendable, CustomStringConvertible {
  case udp(host: String, port: Int)
  case unix(path: String)

  private static let unixPrefix = "unix://"

  /// - Parameter allowsUnix: DogStatsD's agents also listen on a socket file.
  package init(_ text: String, allowsUnix: Bool = false) throws(ListenAddress.Fault) {
    if allowsUnix, text.hasPrefix(Self.unixPrefix) {
      let path = String(text.dropFirst(Self.unixPrefix.count))
      // The size of sun_path, with its zero.
      guard path.hasPrefix("/"), path.utf8.count < 108 else {
        throw ListenAddress.Fault(description: "address \(text): not the path of a socket")
      }
      self = .unix(path: path)
      return
    }
    guard !text.isEmpty else { throw ListenAddress.Fault(description: "missing address") }
    let address = try ListenAddress(text)
    guard address.port > 0 else { throw ListenAddress.Fault(description: "address \(text): missing port in address") }
    self = .udp(host: address.host.isEmpty ? "localhost" : address.host, port: address.port)
  }

  package var description: String {
    switch self {
    case .udp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): Self.unixPrefix + path
    }
  }
}
