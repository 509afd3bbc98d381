import Glibc

/// Plain HTTP to the endpoints that a machine or a container of AWS has for itself. Each request is a connection, blocks
/// for two seconds at most per step and ten in all, and follows no redirect.
package enum LocalHTTP {
  /// An IPv4 or IPv6 address and a port.
  package struct Address: Hashable, Sendable {
    package var host: String
    package var port: UInt16

    package init(host: String, port: UInt16) {
      self.host = host
      self.port = port
    }

    /// Whether it is this machine, or one of the link that AWS gives to every machine.
    var isLocal: Bool {
      host == "localhost" || host == "::1" || host == "fd00:ec2::23" || host.hasPrefix("127.")
        || ["169.254.170.2", "169.254.170.23"].contains(host)
    }
  }

  struct Answer {
    var status: Int
    var body: [UInt8]
  }

  private static let limit = 1 << 20
  /// For one answer; somebody who sends a byte now and then is not waited for.
  private static let patience: Duration = .seconds(10)

  /// The address and the path of `http://host[:port]/path`.
  static func address(of text: String) throws(AWSError) -> (Address, path: String) {
    guard text.hasPrefix("http://") else { throw AWSError("an endpoint for credentials must begin with http://") }
    let rest = text.dropFirst(7)
    let authority = rest.prefix { $0 != "/" }
    var path = String(rest.dropFirst(authority.count))
    if path.isEmpty { path = "/" }
    var host = authority
    var port: UInt16? = 80
    if authority.first == "[", let end = authority.firstIndex(of: "]") {
      host = authority[authority.index(after: authority.startIndex)..<end]
      let tail = authority[authority.index(after: end)...]
      if !tail.isEmpty { port = tail.first == ":" ? UInt16(tail.dropFirst()) : nil }
    } else if let colon = authority.firstIndex(of: ":") {
      host = authority[..<colon]
      port = UInt16(authority[authority.index(after: colon)...])
    }
    let isClean = path.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    guard let port, !host.isEmpty, isClean else { throw AWSError("an endpoint for credentials is no URL") }
    return (Address(host: String(host), port: port), path)
  }

  static func send(
    _ method: String, _ address: Address, _ path: String, _ headers: [AWSRequest.Field]
  ) throws(AWSError) -> Answer {
    let socket = try connect(address)
    defer { close(socket) }
    var text = "\(method) \(path) HTTP/1.0\r\nhost: \(address.host)\r\nconnection: close\r\ncontent-length: 0\r\n"
    for header in headers {
      guard header.value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { throw AWSError("a header is no text") }
      text += "\(header.name): \(header.value)\r\n"
    }
    text += "\r\n"
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { throw failure(address) }
      rest = rest.dropFirst(count)
    }
    return try read(socket, address)
  }

  private static func read(_ socket: Int32, _ address: Address) throws(AWSError) -> Answer {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 8192)
    let end = ContinuousClock.now + patience
    while true {
      guard ContinuousClock.now < end else { throw AWSError("\(address.host) takes too long to answer") }
      let count = chunk.withUnsafeMutableBytes { recv(socket, $0.baseAddress, $0.count, 0) }
      guard count >= 0 else { throw failure(address) }
      if count == 0 { break }
      bytes += chunk[..<count]
      guard bytes.count <= limit else { throw AWSError("\(address.host) answers with more than is accepted") }
    }
    guard let answer = parse(bytes) else { throw AWSError("\(address.host) does not answer in HTTP") }
    return answer
  }

  /// An answer that ends with its connection.
  static func parse(_ bytes: [UInt8]) -> Answer? {
    let end: [UInt8] = [13, 10, 13, 10]
    guard bytes.count >= 4, let head = (0...(bytes.count - 4)).first(where: { Array(bytes[$0..<$0 + 4]) == end }) else {
      return nil
    }
    let line = String(decoding: bytes[..<head], as: UTF8.self).prefix { $0 != "\r\n" && $0 != "\r" && $0 != "\n" }
    let words = line.split(separator: " ")
    guard words.count >= 2, words[0].hasPrefix("HTTP/1."), words[1].utf8.count == 3, let status = Int(words[1]) else {
      return nil
    }
    return Answer(status: status, body: Array(bytes[(head + 4)...]))
  }

  private static func connect(_ address: Address) throws(AWSError) -> Int32 {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_NUMERICSERV
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(address.host, String(address.port), &hints, &list) == 0, let found = list else {
      throw AWSError("\(address.host) is no address")
    }
    defer { freeaddrinfo(list) }
    let descriptor = socket(
      found.pointee.ai_family, found.pointee.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), found.pointee.ai_protocol)
    guard descriptor >= 0 else { throw failure(address) }
    var timeout = timeval(tv_sec: 2, tv_usec: 0)
    for option in [SO_SNDTIMEO, SO_RCVTIMEO] {
      setsockopt(descriptor, SOL_SOCKET, option, &timeout, socklen_t(MemoryLayout<timeval>.size))
    }
    guard Glibc.connect(descriptor, found.pointee.ai_addr, found.pointee.ai_addrlen) == 0 else {
      let error = failure(address)
      close(descriptor)
      throw error
    }
    return descriptor
  }

  private static func failure(_ address: Address) -> AWSError {
    AWSError("\(address.host):\(address.port) does not answer: \(String(cString: strerror(errno)))")
  }
}
