/// The updates of one subscriber, as an asynchronous sequence that holds at most one: a newer update replaces one that
/// was not read. Ends when its task is cancelled or the cache closes.
package struct WorkloadSubscription: AsyncSequence, Sendable {
  package typealias Element = WorkloadUpdate

  private let stream: AsyncStream<WorkloadUpdate>
  private let continuation: AsyncStream<WorkloadUpdate>.Continuation

  init() { (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

  package func makeAsyncIterator() -> AsyncStream<WorkloadUpdate>.Iterator { stream.makeAsyncIterator() }
}

extension WorkloadSubscription: UpdateReceiver {
  package func receive(_ update: WorkloadUpdate) { continuation.yield(update) }

  package func finish() { continuation.finish() }
}
