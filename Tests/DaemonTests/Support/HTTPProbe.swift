import Foundation
import Glibc

/// One HTTP request over a plain socket.
enum HTTPProbe {
  struct Failed: Error {}

  static func get(port: Int, path: String, method: String = "GET") throws -> (
    status: Int, headers: [String], body: String
  ) {
    let text = try exchange(port: port, "\(method) \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    let parts = text.components(separatedBy: "\r\n\r\n")
    let head = parts[0].components(separatedBy: "\r\n")
    guard let status = Int(head[0].split(separator: " ").dropFirst().first ?? "") else { throw Failed() }
    return (status, Array(head.dropFirst()), parts.dropFirst().joined(separator: "\r\n\r\n"))
  }

  /// Sends `request` and reads until the server closes.
  static func exchange(port: Int, _ request: String) throws -> String {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    var address = [UInt8](repeating: 0, count: 16)
    address[0] = UInt8(AF_INET)
    address[2] = UInt8(port >> 8)
    address[3] = UInt8(port & 0xff)
    address.replaceSubrange(4..<8, with: [127, 0, 0, 1])
    let connected = address.withUnsafeBytes {
      Glibc.connect(socket, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), 16)
    }
    guard connected == 0 else { throw Failed() }
    var data = Array(request.utf8)
    guard send(socket, &data, data.count, 0) == data.count else { throw Failed() }
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while case let count = recv(socket, &buffer, buffer.count, 0), count > 0 { result += buffer[..<count] }
    return String(decoding: result, as: UTF8.self)
  }
}
