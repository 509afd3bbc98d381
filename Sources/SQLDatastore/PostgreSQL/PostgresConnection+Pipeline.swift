import CPostgres
import DatastoreAPI
import Glibc

extension PostgresConnection {
  /// What comes back for what was sent, in order.
  private enum Answer {
    case prepared(PostgresStatement)
    case result
  }

  /// Sends all that waits and returns the result of the last statement. When one fails, the server passes over those
  /// behind it, and the failure is thrown.
  func flush() throws(DatastoreError) -> PostgresResult? {
    let steps = waiting
    waiting = []
    guard !isSpent else { throw PostgresFault.lost("it is closed", database: database) }
    let answers = try send(steps)
    var last: PostgresResult?
    var fault: DatastoreError?
    for answer in answers {
      let result = try receive()
      switch result.status {
      case PGRES_COMMAND_OK, PGRES_TUPLES_OK: if case .result = answer { last = result }
      default:
        if case .prepared(let statement) = answer { statement.isPrepared = false }
        if fault == nil, result.status != PGRES_PIPELINE_ABORTED { fault = refusal(result) }
      }
    }
    let end = try receive()
    guard end.status == PGRES_PIPELINE_SYNC else { throw lost() }
    if let fault { throw fault }
    return last
  }

  private func send(_ steps: [Step]) throws(DatastoreError) -> [Answer] {
    var answers: [Answer] = []
    for step in steps {
      let statement = step.statement
      if !statement.isPrepared {
        let isSent = functions.sendPrepare(
          handle, statement.name, statement.text, Int32(statement.types.count), statement.types)
        guard isSent == 1 else { throw lost() }
        statement.isPrepared = true
        answers.append(.prepared(statement))
      }
      let isSent = step.arguments.withPointers { values, lengths, formats in
        functions.sendQueryPrepared(handle, statement.name, Int32(values.count), values, lengths, formats, 1)
      }
      guard isSent == 1 else { throw lost() }
      answers.append(.result)
    }
    guard functions.pipelineSync(handle) == 1 else { throw lost() }
    return answers
  }

  /// The next result: one per statement, each followed by an end mark, except for the mark at the end of the pipeline.
  private func receive() throws(DatastoreError) -> PostgresResult {
    var result: PostgresResult?
    while true {
      try awaitInput()
      guard let handle = functions.getResult(handle) else {
        guard let result else { throw lost() }
        return result
      }
      let next = PostgresResult(handle, functions)
      if next.status == PGRES_PIPELINE_SYNC { return next }
      if next.status == PGRES_FATAL_ERROR, functions.status(self.handle) != CONNECTION_OK { throw refusal(next) }
      result = result ?? next
    }
  }

  /// Waits until a result is there. Sends on meanwhile: neither side waits for the other with a full buffer.
  private func awaitInput() throws(DatastoreError) {
    var isSending = functions.flush(handle)
    while functions.isBusy(handle) == 1 || isSending == 1 {
      guard isSending >= 0 else { throw lost() }
      if functions.isBusy(handle) == 0, isSending == 1 { return }
      guard try wait(POLLIN | (isSending == 1 ? POLLOUT : 0), patience) else {
        isSpent = true
        throw PostgresFault.silent(Int(patience.components.seconds), database: database)
      }
      guard functions.consumeInput(handle) == 1 else { throw lost() }
      isSending = functions.flush(handle)
    }
    if isSending < 0 { throw lost() }
  }

  /// Whether there is something to read, without waiting.
  func hasInput() -> Bool { (try? wait(POLLIN, .zero)) ?? true }

  /// Waits for the socket for so long at most; says whether something happened.
  func wait(_ events: Int32, _ limit: Duration) throws(DatastoreError) -> Bool {
    let deadline = ContinuousClock.now + limit
    while true {
      let rest = max(.zero, deadline - .now)
      let (seconds, attoseconds) = rest.components
      let milliseconds = seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
      var entry = pollfd(fd: functions.socket(handle), events: Int16(truncatingIfNeeded: events), revents: 0)
      guard entry.fd >= 0 else { throw lost() }
      let count = poll(&entry, 1, Int32(clamping: milliseconds))
      if count > 0 { return true }
      if count == 0 { return false }
      guard errno == EINTR else { throw lost() }
    }
  }

  var errorText: String {
    let text = functions.errorMessage(handle).map { String(cString: $0) } ?? ""
    return text.split(separator: "\n").joined(separator: "; ")
  }

  /// The connection is of no more use.
  private func lost() -> DatastoreError {
    isSpent = true
    let text = errorText
    return PostgresFault.lost(text.isEmpty ? "it was closed" : text, database: database)
  }

  private func refusal(_ result: PostgresResult) -> DatastoreError {
    let state = result.state
    if state.isEmpty || functions.status(handle) != CONNECTION_OK, state.isEmpty { return lost() }
    let error = PostgresFault.refused(state: state, message: result.message, database: database)
    if error.recovery == .reconnect || functions.status(handle) != CONNECTION_OK { isSpent = true }
    return error
  }
}

// MARK: Notifications

extension PostgresConnection {
  /// What others have sent with NOTIFY on the channels that this connection listens on: the payloads that are there, or
  /// those that come within `limit`. Empty when none came.
  func notifications(waiting limit: Duration) throws(DatastoreError) -> [(channel: String, payload: String)] {
    var found = takeNotifications()
    if !found.isEmpty { return found }
    guard try wait(POLLIN, limit) else { return [] }
    guard functions.consumeInput(handle) == 1 else { throw lost() }
    found = takeNotifications()
    return found
  }

  private func takeNotifications() -> [(channel: String, payload: String)] {
    var found: [(channel: String, payload: String)] = []
    while let notification = functions.notifies(handle) {
      found.append((String(cString: notification.pointee.relname), String(cString: notification.pointee.extra)))
      functions.freemem(notification)
    }
    return found
  }
}
