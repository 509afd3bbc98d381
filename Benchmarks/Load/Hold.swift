import Glibc

/// Streams that are opened and kept: what an idle one costs the server.
struct Hold {
  private var connections: [Connection] = []

  /// Opens `streams` on each of `connections` and waits for a message on each.
  init(path: String, request: Request, body: [UInt8], connections count: Int, streams: Int) throws {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    for _ in 0..<count {
      let connection = try Connection(path: path)
      let opened = try (0..<streams).map { _ in try connection.start(request, body: body) }
      for stream in opened {
        let call = try connection.finish(stream, firstMessage: true)
        guard !call.ended else { throw LoadError("status \(call.status ?? -1): \(call.text)") }
      }
      connections.append(connection)
    }
  }

  /// Answers what the server asks (PING, SETTINGS) until standard input ends; returns the streams that ended meanwhile.
  func wait() throws -> Int {
    var polled = [pollfd(fd: 0, events: Int16(POLLIN), revents: 0)]
    polled += connections.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
    while true {
      guard poll(&polled, nfds_t(polled.count), -1) >= 0 || errno == EINTR else {
        throw LoadError("poll: \(String(cString: strerror(errno)))")
      }
      if polled[0].revents != 0 { break }
      for (index, connection) in connections.enumerated() where polled[index + 1].revents != 0 {
        do { try connection.receive() } catch { polled[index + 1].fd = -1 }
      }
    }
    var ended = 0
    for (index, connection) in connections.enumerated() {
      ended += polled[index + 1].fd < 0 ? connection.calls.count : connection.calls.values.count { $0.ended }
    }
    return ended
  }
}
