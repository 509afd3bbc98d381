import NIOCore

/// Runs tasks on an event loop, so that a call is served on the thread that its connection lives on. One per loop.
final class LoopExecutor: TaskExecutor {
  private let loop: any EventLoop

  init(_ loop: any EventLoop) { self.loop = loop }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }

  /// An executor for each loop of `group`.
  static func all(of group: any EventLoopGroup) -> [ObjectIdentifier: LoopExecutor] {
    var executors: [ObjectIdentifier: LoopExecutor] = [:]
    for loop in group.makeIterator() { executors[ObjectIdentifier(loop)] = LoopExecutor(loop) }
    return executors
  }
}
