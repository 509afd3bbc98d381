import Daemon
import Glibc

/// Owns `<data_dir>/agent-data.json`: loads it once at start and replaces it atomically at each change.
///
/// The attestor, the rotator and the manager call it. An actor on a queue of its own: its file calls block, and follow
/// each other in order.
package actor AgentStorage {
  /// Chains and bundles of any real trust domain stay far below.
  private static let limit = 16 << 20

  package let path: String
  private var data: AgentData
  /// The file does not hold the value yet.
  private var isBehind = false
  /// The file was there: when it is not any more, somebody removed it.
  private var hasFile = false
  private var wasRemoved = false
  private let directory: String
  /// What could not be read at the start, and was moved away.
  package nonisolated let damagedFile: (path: String, reason: String)?
  private let executor = QueueExecutor(label: "agent-storage")

  package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// Loads the file; a missing one is an empty start.
  ///
  /// - Parameter replacesDamagedFile: whether a damaged one is moved away instead of refused.
  package init(directory: String, replacesDamagedFile: Bool = false) throws(AgentError) {
    self.directory = directory
    path = directory + "/agent-data.json"
    let bytes: [UInt8]?
    do { bytes = try BoundedFile.read(path, limit: Self.limit) } catch { throw Self.unopened("\(error)", error) }
    guard let bytes else {
      data = AgentData()
      damagedFile = nil
      return
    }
    do {
      data = try AgentData(decoding: bytes)
      damagedFile = nil
      hasFile = true
    } catch {
      guard replacesDamagedFile else {
        throw Self.unopened(
          "\(path): \(error.message); restore the file from a backup, or remove it so that the agent attests again",
          error)
      }
      do { damagedFile = (try AtomicFile.setAside(path), error.message) } catch {
        throw Self.unopened("\(error)", error)
      }
      data = AgentData()
    }
  }

  private static func unopened(_ why: String, _ cause: any Error) -> AgentError {
    AgentError(.storage, "failed to open storage: \(why)", cause: cause)
  }

  /// What is stored now.
  package var current: AgentData { data }

  /// Changes the stored value; returns once the file holds it. Nothing changes when the file cannot be written.
  @discardableResult
  package func update(_ change: @Sendable (inout AgentData) -> Void) throws(AgentError) -> AgentData {
    var next = data
    change(&next)
    if next == data && !isBehind { return next }
    try write(next)
    data = next
    isBehind = false
    return next
  }

  /// Changes the stored value, also when the file cannot be written now: what is in force must not depend on a disk.
  /// ``catchUp()`` tries to write it again.
  ///
  /// - Throws: why the file could not be written; the change holds all the same.
  package func keep(_ change: @Sendable (inout AgentData) -> Void) throws(AgentError) {
    let before = data
    change(&data)
    if data != before { isBehind = true }
    try catchUp()
  }

  /// Writes what could not be written before.
  package func catchUp() throws(AgentError) {
    guard isBehind else { return }
    try write(data)
    isBehind = false
  }

  /// Has the file written again when it was removed under the agent, with its folder if that is gone, too. Whether it was.
  package func noticeRemoval() -> Bool {
    guard hasFile, access(path, F_OK) != 0, errno == ENOENT else { return false }
    hasFile = false
    wasRemoved = true
    isBehind = true
    return true
  }

  private func write(_ value: AgentData) throws(AgentError) {
    do {
      if wasRemoved { try Folder.make(directory, mode: 0o755) }
      defer { hasFile = access(path, F_OK) == 0 }
      try AtomicFile.write(value.encoded(), to: path, mode: 0o600)
    } catch {
      throw AgentError(.storage, "failed to store agent data: \(error)", cause: error)
    }
  }

  /// Forgets the agent's SVID: the next start attests anew.
  package func deleteSVID() throws(AgentError) {
    try update { data in
      data.svid = []
      data.reattestable = false
    }
  }
}
