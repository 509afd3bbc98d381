import CPeer
import Daemon
import Glibc
import NIOCore
import Synchronization

/// A bound socket that listens. Connections queue in the kernel until a ``GRPCEndpoint`` takes it over.
///
/// Opening it is the step of a start that can fail, so it happens before anything runs; the port is known at once.
/// It owns the descriptor until an endpoint takes it.
package final class ListeningSocket: Sendable {
  /// Where the socket listens.
  package enum Address: Sendable, Hashable, CustomStringConvertible {
    case unix(path: String)
    case tcp(PeerAddress)

    /// `unix` or `tcp`: the log field `network`.
    package var network: String {
      switch self {
      case .unix: "unix"
      case .tcp: "tcp"
      }
    }

    /// The log field `address`: the path, or `127.0.0.1:8081`.
    package var description: String {
      switch self {
      case .unix(let path): path
      case .tcp(let address): address.description
      }
    }
  }

  package let address: Address
  private let descriptor: Mutex<Int32?>
  /// Device and inode of the socket file, so that only our own is removed.
  private let file: (device: UInt64, inode: UInt64)?

  init(address: Address, descriptor: Int32, file: (device: UInt64, inode: UInt64)? = nil) {
    self.address = address
    self.descriptor = Mutex(descriptor)
    self.file = file
  }

  deinit {
    if let descriptor = descriptor.withLock({ $0.take() }) {
      close(descriptor)
      removeFile()
    }
  }

  /// The port of a TCP socket.
  package var port: Int? {
    if case .tcp(let address) = address { address.port } else { nil }
  }

  /// Hands the descriptor to its next owner, once.
  package func take() -> Int32? { descriptor.withLock { $0.take() } }

  /// Removes the socket file unless another server has put its own in its place.
  package func removeFile() {
    guard let file, case .unix(let path) = address else { return }
    guard let now = try? FileStatus(ofLink: path), now.device == file.device, now.inode == file.inode else { return }
    unlink(path)
  }

  /// Binds and listens on a TCP address. Port 0 takes a free one.
  ///
  /// - Parameter host: an IP address or a name that resolves to one. Blocks while it resolves.
  /// - Throws: ``EndpointError`` that names the address.
  package static func tcp(host: String, port: Int) throws -> ListeningSocket {
    let address: SocketAddress
    do {
      address = try SocketAddress.makeAddressResolvingHost(host, port: port)
    } catch {
      throw EndpointError(code: .badAddress, message: "cannot listen on \(host):\(port): \(error); check bind_address")
    }
    let family: Int32
    switch address {
    case .v4: family = AF_INET
    case .v6: family = AF_INET6
    case .unixDomainSocket: throw EndpointError(code: .badAddress, message: "\(host) is not a network address")
    }
    let socket = Glibc.socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard socket >= 0 else { throw EndpointError.system("cannot open a socket for \(host):\(port)", errno) }
    var on: Int32 = 1
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    let bound = address.withSockAddr { Glibc.bind(socket, $0, socklen_t($1)) }
    guard bound == 0, listen(socket, 4096) == 0 else {
      let error = errno
      close(socket)
      throw EndpointError(
        code: error == EADDRINUSE ? .inUse : .system,
        message: "listen tcp \(PeerAddress(ip: address.ipAddress ?? host, port: port)): bind: "
          + GoText.errno(error)
          + (error == EADDRINUSE ? "; another process listens there: stop it or change bind_port" : ""))
    }
    let ip = address.ipAddress ?? host
    return ListeningSocket(address: .tcp(PeerAddress(ip: ip, port: Self.boundPort(socket) ?? port)), descriptor: socket)
  }

  private static func boundPort(_ socket: Int32) -> Int? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let result = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &length) }
    }
    guard result == 0 else { return nil }
    // The port is at the same place for both families, in network order.
    return withUnsafeBytes(of: &storage) { Int($0[2]) << 8 | Int($0[3]) }
  }
}
