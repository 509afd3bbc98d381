import Daemon
import DatastoreAPI
import Logging

/// Hears of other servers' commits: a connection of its own that listens on the channel on which they notify (PostgreSQL).
///
/// Made by ``SQLDatastore/listenForCommits(_:)`` and run by its task. Its connection blocks on a queue of its own, in short
/// pieces, so that it ends soon after the task is cancelled. It is a hint and nothing more: whoever follows the event
/// tables looks at them once per interval anyway.
struct CommitListener: Sendable {
  /// How long the connection waits before it looks whether it is still wanted.
  private static let slice = Duration.milliseconds(200)
  /// Between attempts to connect, in seconds.
  private static let pauses = 1.0...30.0

  let channel: String
  let session: SQLSession
  let time: any TimeSource
  let logger: Logger

  /// Calls `hint` for what comes, until the task is cancelled. A lost connection is made again, at growing intervals.
  func run(_ hint: @Sendable () -> Void) async {
    var pause = Self.pauses.lowerBound
    var isDown = false
    while !Task.isCancelled {
      do throws(DatastoreError) {
        if try await hears() { hint() }
        if isDown { logger.info("Listening for commits of other servers again") }
        (isDown, pause) = (false, Self.pauses.lowerBound)
      } catch {
        if !isDown {
          logger.warning(
            "Cannot listen for commits of other servers; they are seen at the next look at the event tables",
            metadata: ["error": "\(error)"])
        }
        isDown = true
        do { try await time.sleep(for: .seconds(pause)) } catch { break }
        pause = min(pause * 2, Self.pauses.upperBound)
      }
    }
    await session.close()
  }

  /// Waits for a short while; says whether there may be something to read.
  private func hears() async throws(DatastoreError) -> Bool {
    try await session.run { [channel] (connection) throws(DatastoreError) in
      guard connection.listensOn == nil else { return try !connection.notifications(waiting: Self.slice).isEmpty }
      try connection.execute("LISTEN \(channel)", [])
      connection.listensOn = channel
      // Nobody heard what came before.
      return true
    }
  }
}
