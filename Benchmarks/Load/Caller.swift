/// One caller: a connection, and calls on it one after the other.
struct Caller {
  let path: String
  let request: Request
  let firstMessage: Bool
  /// An answer with a shorter message is a failure.
  let least: Int
  /// Connections that the server closed under a call; the call was made again on a new one.
  private(set) var reconnections = 0
  private var connection: Connection

  init(path: String, request: Request, firstMessage: Bool, least: Int) throws {
    self.path = path
    self.request = request
    self.firstMessage = firstMessage
    self.least = least
    connection = try Connection(path: path)
  }

  /// Makes a call and returns its message.
  ///
  /// - Throws: ``LoadError`` with the status, the text, or what is wrong with the answer.
  mutating func call(_ body: [UInt8]) throws -> [UInt8] {
    if connection.isLeaving { try reconnect() }
    let call: Call
    do {
      call = try attempt(body)
    } catch {
      try reconnect()
      call = try attempt(body)
    }
    if call.ended && call.status != 0 {
      throw LoadError("status \(call.status.map(String.init) ?? "missing"): \(call.text)")
    }
    guard let message = call.message else { throw LoadError("no message") }
    guard call.count == 1 || firstMessage else { throw LoadError("\(call.count) messages instead of one") }
    guard message.count >= least else { throw LoadError("a message of \(message.count) bytes, expected \(least)") }
    return message
  }

  private mutating func reconnect() throws {
    reconnections += 1
    connection = try Connection(path: path)
  }

  private func attempt(_ body: [UInt8]) throws -> Call {
    let stream = try connection.start(request, body: body)
    let call = try connection.finish(stream, firstMessage: firstMessage)
    try connection.forget(stream)
    return call
  }
}
