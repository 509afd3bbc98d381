import Daemon
import NIOCore
package import SPIFFE

/// Who made a call, as far as the connection proves it.
package enum Caller: Sendable {
  /// A process of this machine, over a Unix socket.
  case local(LocalPeer)
  /// Somebody who presented no certificate.
  case anonymous(PeerAddress)
  /// The holder of a verified X.509-SVID.
  case x509(VerifiedX509SVID, PeerAddress)

  /// The caller's SPIFFE ID, if it presented an SVID.
  package var id: SPIFFEID? {
    if case .x509(let svid, _) = self { svid.id } else { nil }
  }

  /// The caller's network address; `nil` for local callers.
  package var address: PeerAddress? {
    switch self {
    case .local: nil
    case .anonymous(let address), .x509(_, let address): address
    }
  }

  /// The process at the other end of the Unix socket.
  package var process: LocalPeer? {
    if case .local(let peer) = self { peer } else { nil }
  }
}

/// The address a connection came from.
package struct PeerAddress: Hashable, Sendable, CustomStringConvertible {
  /// The IP address without brackets, for example `127.0.0.1` or `2001:db8::1`.
  package let ip: String
  package let port: Int

  package init(ip: String, port: Int) {
    self.ip = ip
    self.port = port
  }

  /// What the bounds of an endpoint count the address for: itself, or its network for IPv6.
  package var network: String { SourceNetwork.of(ip) }

  /// Whether `text` is an IP address, without brackets.
  package static func isIP(_ text: String) -> Bool { (try? SocketAddress(ipAddress: text, port: 0)) != nil }

  /// `127.0.0.1:40138` or `[2001:db8::1]:40138`.
  package var description: String { ip.utf8.contains(UInt8(ascii: ":")) ? "[\(ip)]:\(port)" : "\(ip):\(port)" }
}
