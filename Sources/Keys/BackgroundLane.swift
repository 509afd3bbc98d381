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

  /// The queue of the next piece of work.
  var next: DispatchQueue {
    queues[Int(UInt(bitPattern: turn.wrappingAdd(1, ordering: .relaxed).oldValue) % UInt(queues.count))]
  }
}
