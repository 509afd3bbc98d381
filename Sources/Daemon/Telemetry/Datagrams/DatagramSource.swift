/// Metrics on their way into packets: what a sink leaves for its ``DatagramReporter``. Safe from any thread.
package protocol DatagramSource: Sendable {
  /// Rung by the first metric after ``takePackets()``.
  var bell: DatagramBell { get }
  /// All that waits, each packet small enough for one datagram.
  func takePackets() -> [[UInt8]]
  /// How many metrics found no place since this was asked last.
  func takeDropped() -> Int
}

/// Wakes the reporter of a sink; rings that nobody heard yet count once. Safe from any thread.
package final class DatagramBell: Sendable {
  /// For one listener.
  let rings: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation

  package init() { (rings, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

  package func ring() { continuation.yield() }
}
