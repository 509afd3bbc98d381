import Foundation
import Synchronization

/// Takes so many connections on 127.0.0.1, one after the other, and gives each the next answer.
final class OneAnswerServer: Sendable {
  struct Failure: Error {}

  let port: UInt16
  private let done = DispatchSemaphore(value: 0)
  private let seen = Mutex<[String]>([])

  init(_ answers: [String]) throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && getsockname(listener, $0, &length) == 0
      }
    }
    guard isBound, listen(listener, 8) == 0 else { throw Failure() }
    port = UInt16(bigEndian: address.sin_port)
    Thread { [self] in
      for answer in answers {
        let connection = accept(listener, nil, nil)
        var text = ""
        var chunk = [UInt8](repeating: 0, count: 4096)
        while !text.contains("\r\n\r\n") {
          let count = recv(connection, &chunk, chunk.count, 0)
          if count <= 0 { break }
          text += String(decoding: chunk[..<count], as: UTF8.self)
        }
        seen.withLock { $0.append(text) }
        _ = Array(answer.utf8).withUnsafeBytes { send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        close(connection)
      }
      close(listener)
      done.signal()
    }.start()
  }

  /// What was asked, once all connections have come.
  func requests() -> [String] {
    done.wait()
    return seen.withLock { $0 }
  }
}
