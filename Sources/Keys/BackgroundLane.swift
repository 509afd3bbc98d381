import Dispatch
import Synchronization

/// A bounded number of queues for the work of callers who have not proved anything yet: whatever they ask for, it takes so
/// many processors at most, and nobody else's work waits behind it. Set as ``BackgroundWork/lane`` of their tasks.
package final class BackgroundLane: Sendable {
  private let queues: [DispatchQueue]
  private let turn = Atomic<Int>(0)

  /// - Parameter width: pieces of work at the same time.
  package init(_ label: String, width: Int) {
    queues = (0..<max(1, width)).map { DispatchQueue(label: "\(label).\($0)") }
  }

  /// The result of `body`. It is not computed for a task that was cancelled before its turn came: whoever leaves takes
  /// what it asked for out of the line.
  func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    let index = UInt(bitPattern: turn.wrappingAdd(1, ordering: .relaxed).oldValue) % UInt(queues.count)
    let asker = Asker()
    return try await withTaskCancellationHandler {
      try await BackgroundWork.run(on: queues[Int(index)]) {
        if asker.isGone.load(ordering: .relaxed) { throw CancellationError() }
        return try body()
      }
    } onCancel: {
      asker.isGone.store(true, ordering: .relaxed)
    }
  }

  private final class Asker: Sendable {
    let isGone = Atomic<Bool>(false)
  }
}
