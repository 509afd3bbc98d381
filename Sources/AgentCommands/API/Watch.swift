import Console
import Daemon
import Flags
import GRPCCore
import Synchronization
import WorkloadClient

/// `api watch`: shows the X.509-SVIDs of the calling process each time they change, until it is interrupted.
struct Watch: WorkloadCommand {
  struct Options: WorkloadOptions {
    var socket = WorkloadSocket()
  }

  private static let firstDelay = Duration.seconds(1)
  private static let longestDelay = Duration.seconds(30)

  let name = "api watch"
  let synopsis = "Watches the X.509-SVIDs of the Workload API"
  let details = """
    Ends with Ctrl-C.
    """
  let examples = [
    CommandExample("See rotations and changes as they happen", "api watch")
  ]
  let ownFlags: [Flag<Options>] = []
  let time: any TimeSource
  /// Makes an interrupt of this process end the command as its texts say.
  let handleInterrupts: @Sendable () -> Void

  init(
    time: any TimeSource = SystemTime(),
    handleInterrupts: @escaping @Sendable () -> Void = InterruptExit.install
  ) {
    self.time = time
    self.handleInterrupts = handleInterrupts
  }

  func run(_ options: Options, agent: UnixAPI, io: CommandIO) async throws {
    handleInterrupts()
    let api = WorkloadAPIClient(agent)
    let progress = Mutex(Progress())
    var delay = Self.firstDelay
    while true {
      do {
        try await api.watchX509SVIDs { response in
          let document = try X509Document(response)
          let elapsed = progress.withLock { $0.update() }
          X509Report.print(document, elapsed: elapsed, showsHints: false, bareNames: true, io: io)
        }
      } catch is CancellationError {
        throw CommandFailure.plain("context canceled")
      } catch {
        try Self.report(error, io)
      }
      if progress.withLock({ $0.takeSuccess() }) { delay = Self.firstDelay }
      do { try await time.sleep(for: delay) } catch { throw CommandFailure.plain("context canceled") }
      delay = min(delay * 2, Self.longestDelay)
    }
  }

  /// Says what went wrong; throws when another attempt would not go better.
  private static func report(_ error: any Error, _ io: CommandIO) throws(CommandFailure) {
    guard let failure = error as? CallFailure else { return io.printError("\(error)") }
    switch failure.code {
    case .invalidArgument: throw .plain("\(failure)")
    case .cancelled where Task.isCancelled: throw .plain("context canceled")
    default: io.printError("\(failure)")
    }
  }

  /// When the last update came, and whether one came since the last look.
  private struct Progress {
    private var last = ContinuousClock.now
    private var succeeded = false

    mutating func update() -> Duration {
      let now = ContinuousClock.now
      defer { last = now }
      succeeded = true
      return last.duration(to: now)
    }

    mutating func takeSuccess() -> Bool {
      defer { succeeded = false }
      return succeeded
    }
  }
}
