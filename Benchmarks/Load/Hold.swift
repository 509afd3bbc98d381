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
  ///
  /// For each line that comes, it waits for one more message on every stream and gives `report` the monotonic time when
  /// the first one, half and all of the connections had theirs.
  func wait(_ report: (_ first: Int, _ half: Int, _ last: Int) -> Void) throws -> Int {
    var polled = [pollfd(fd: 0, events: Int16(POLLIN), revents: 0)]
    polled += connections.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
    var awaited: [Int: [UInt32: Int]] = [:]
    var arrivals: [Int] = []
    while true {
      guard poll(&polled, nfds_t(polled.count), -1) >= 0 || errno == EINTR else {
        throw LoadError("poll: \(String(cString: strerror(errno)))")
      }
      if polled[0].revents != 0 {
        guard readLine() != nil else { break }
        arrivals = []
        awaited = Dictionary(
          uniqueKeysWithValues: connections.indices.map { ($0, connections[$0].calls.mapValues(\.count)) })
        print("{\"waiting\":\(connections.count)}")
        fflush(nil)
      }
      for (index, connection) in connections.enumerated() where polled[index + 1].revents != 0 {
        do { try connection.receive() } catch {
          polled[index + 1].fd = -1
          // Nobody must wait for what cannot come.
          if awaited[index] != nil { throw error }
        }
        guard let before = awaited[index], before.allSatisfy({ connection.calls[$0]?.count ?? 0 > $1 }) else {
          continue
        }
        awaited[index] = nil
        arrivals.append(Clock.now)
        if awaited.isEmpty { report(arrivals[0], arrivals[arrivals.count / 2], arrivals[arrivals.count - 1]) }
      }
    }
    var ended = 0
    for (index, connection) in connections.enumerated() {
      ended += polled[index + 1].fd < 0 ? connection.calls.count : connection.calls.values.count { $0.ended }
    }
    return ended
  }
}
