import Foundation
import Synchronization

/// Counts from 1.
final class Counter: Sendable {
  private let state = Mutex(0)
  var value: Int { state.withLock { $0 } }

  func next() -> Int {
    state.withLock { value in
      value += 1
      return value
    }
  }
}

/// Holds so many threads until all of them are there.
final class Gate: @unchecked Sendable {
  private let condition = NSCondition()
  private var missing: Int
  init(_ count: Int) { missing = count }

  func arrive() {
    condition.lock()
    defer { condition.unlock() }
    missing -= 1
    condition.broadcast()
    while missing > 0 { condition.wait() }
  }
}
