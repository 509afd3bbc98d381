import Foundation
import Synchronization

/// Stands where a TPM is expected, on a Unix socket, and answers as a closure says: with what a real one said, or with
/// something else. Its threads end with the connections.
package final class ScriptedTPM: Sendable {
  struct Failure: Error, CustomStringConvertible { let description: String }

  package let socket: String
  private let listener: Int32

  /// - Parameter answer: gets a command, and what asks the TPM behind; nil closes the connection.
  package init(
    at path: String, before behind: String? = nil,
    answer: @escaping @Sendable (_ command: [UInt8], _ ask: ([UInt8]) -> [UInt8]?) -> [UInt8]?
  ) throws {
    socket = path
    let listener = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    self.listener = listener
    guard listener >= 0, Self.with(path, { bind(listener, $0, $1) }) == 0, listen(listener, 4) == 0 else {
      throw Failure(description: "\(path): errno \(errno)")
    }
    Thread.detachNewThread {
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else { return }
        Thread.detachNewThread { Self.serve(connection, behind, answer) }
      }
    }
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
    unlink(socket)
  }

  private static func with(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
  }

  private static func serve(
    _ connection: Int32, _ behind: String?, _ answer: (_ command: [UInt8], _ ask: ([UInt8]) -> [UInt8]?) -> [UInt8]?
  ) {
    defer { close(connection) }
    let real = behind.map { path -> Int32 in
      let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
      _ = with(path) { connect(descriptor, $0, $1) }
      return descriptor
    }
    defer { if let real { close(real) } }
    while let command = message(connection) {
      let response = answer(command) { command in
        guard let real, write(real, command, command.count) == command.count else { return nil }
        return message(real)
      }
      guard let response, send(connection, response, response.count, Int32(MSG_NOSIGNAL)) == response.count else {
        return
      }
      // Whoever waits for more of a damaged response is told that there is none.
      if !response.isEmpty, response.count < 10 || size(response) != response.count { return }
    }
  }

  /// Whether somebody listens there.
  static func isServed(_ path: String) -> Bool {
    let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    return with(path) { connect(descriptor, $0, $1) } == 0
  }

  /// A whole command or response: its size is in bytes 2 to 5.
  private static func message(_ descriptor: Int32) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: 10)
    guard recv(descriptor, &bytes, 10, Int32(MSG_WAITALL)) == 10, (10...4096).contains(size(bytes)) else {
      return nil
    }
    guard size(bytes) > 10 else { return bytes }
    var rest = [UInt8](repeating: 0, count: size(bytes) - 10)
    guard recv(descriptor, &rest, rest.count, Int32(MSG_WAITALL)) == rest.count else { return nil }
    return bytes + rest
  }

  private static func size(_ bytes: [UInt8]) -> Int { bytes[2..<6].reduce(0) { $0 << 8 | Int($1) } }

  /// The command's number.
  package static func code(_ command: [UInt8]) -> UInt32 { command[6..<10].reduce(0) { $0 << 8 | UInt32($1) } }

  /// A response with a code and nothing else.
  package static func response(_ code: UInt32) -> [UInt8] {
    [0x80, 0x01, 0, 0, 0, 10] + withUnsafeBytes(of: code.bigEndian, Array.init)
  }
}
