import Glibc
import NIOPosix

/// A connected datagram socket that never blocks. Owned by one ``DatagramReporter``; closed with it.
final class DatagramSocket: Sendable {
  /// An address as the kernel takes it.
  struct Destination: Hashable, Sendable {
    let family: Int32
    let bytes: [UInt8]
  }

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  private let descriptor: Int32

  init(_ destination: Destination) throws(Failure) {
    let kind = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    descriptor = socket(destination.family, kind, 0)
    guard descriptor >= 0 else { throw Failure(description: GoText.errno(errno)) }
    let result = destination.bytes.withUnsafeBytes { bytes in
      bytes.withMemoryRebound(to: sockaddr.self) { connect(descriptor, $0.baseAddress, socklen_t(bytes.count)) }
    }
    guard result == 0 else {
      let code = errno
      close(descriptor)
      throw Failure(description: GoText.errno(code))
    }
  }

  deinit { close(descriptor) }

  /// 0, or the errno of what kept the packet back.
  func send(_ packet: [UInt8]) -> Int32 {
    Glibc.send(descriptor, packet, packet.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)) < 0 ? errno : 0
  }

  /// Looks a name up, where it is one, on a thread that may wait.
  static func resolve(_ address: DatagramAddress) async throws -> Destination {
    try await NIOThreadPool.singleton.runIfActive { try lookUp(address) }
  }

  private static func lookUp(_ address: DatagramAddress) throws(Failure) -> Destination {
    switch address {
    case .unix(let path):
      var name = sockaddr_un()
      name.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8) }
      return Destination(family: AF_UNIX, bytes: withUnsafeBytes(of: &name, Array.init))
    case .udp(let host, let port):
      var hints = addrinfo()
      hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
      hints.ai_flags = AI_ADDRCONFIG
      var list: UnsafeMutablePointer<addrinfo>?
      let code = getaddrinfo(host, "\(port)", &hints, &list)
      defer { if let list { freeaddrinfo(list) } }
      guard code == 0, let first = list?.pointee, let name = first.ai_addr else {
        let reason = gai_strerror(code).map { String(cString: $0) } ?? "error \(code)"
        throw Failure(description: "lookup \(host): \(reason)")
      }
      let bytes = UnsafeRawBufferPointer(start: name, count: Int(first.ai_addrlen))
      return Destination(family: first.ai_family, bytes: Array(bytes))
    }
  }
}
