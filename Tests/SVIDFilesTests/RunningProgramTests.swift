import Daemon
import DaemonTesting
import Foundation
import Synchronization
import Testing

@testable import SVIDFiles

/// Programs that are started and signalled.
@Suite struct RunningProgramTests {
  @Test func aProgramGetsArgumentsAndEnvironment() async throws {
    let folder = try TemporaryFolder()
    let program = try RunningProgram.start(
      "sh", ["-c", "echo \"$1 $FOO\" > \"$OUT\"; exit 3", "sh", "two words"],
      environment: ["FOO": "bar", "OUT": folder.file("out")], streams: .errorsOnly)
    #expect(await program.waitForExit() == 3)
    #expect(folder.text("out") == "two words bar\n")
    #expect(program.hasEnded && !program.send(SIGTERM))
  }

  @Test func noDescriptorOfThisProcessReachesIt() async throws {
    let folder = try TemporaryFolder()
    let leaked = open(folder.path, O_RDONLY)
    defer { close(leaked) }
    let program = try RunningProgram.start(
      "/bin/sh", ["-c", "test ! -e /proc/self/fd/$1", "sh", "\(leaked)"], streams: .errorsOnly)
    #expect(await program.waitForExit() == 0)
  }

  @Test func oneThatIsNotThereIsNamed() {
    #expect(throws: SVIDFileError(.program, "")) {
      _ = try RunningProgram.start("no-such-program-here", [], streams: .errorsOnly)
    }
    #expect(throws: SVIDFileError(.program, "")) {
      _ = try RunningProgram.start("/no/such/program", [], streams: .errorsOnly)
    }
  }

  @Test func oneThatTakesTooLongIsKilled() async throws {
    let time = HastyTime()
    let program = try RunningProgram.start("sleep", ["600"], streams: .errorsOnly)
    #expect(await program.waitForExit(within: .seconds(30), time) == -SIGKILL)
  }

  @Test func oneIsAskedToEnd() async throws {
    let program = try RunningProgram.start("sleep", ["600"], streams: .errorsOnly)
    async let status = program.waitForExit()
    await program.end(within: 30)
    #expect(await status == -SIGTERM)
  }

  /// The kernel sends the death signal when the thread that made the child ends, and threads of pools end when they idle.
  @Test func theEndOfTheThreadThatStartedOneIsNotItsEnd() async throws {
    let input = Pipe()
    let started = Mutex<(thread: String, program: RunningProgram?)?>(nil)
    let descriptor = input.fileHandleForReading.fileDescriptor
    Thread {
      let program = try? RunningProgram.start(
        "sh", ["-c", "trap 'exit 9' TERM; read line; exit 3"], streams: .init(input: descriptor, output: -1),
        deathSignal: SIGTERM)
      let thread = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self")) ?? "none"
      started.withLock { $0 = (thread, program) }
    }.start()
    while started.withLock({ $0 == nil }) { await Task.yield() }
    let (thread, found) = try #require(started.withLock { $0 })
    let program = try #require(found)
    while access("/proc/" + thread, F_OK) == 0 { await Task.yield() }
    try input.fileHandleForWriting.write(contentsOf: Data("\n".utf8))
    #expect(await program.waitForExit() == 3)
  }

  @Test func aPIDFileLeadsToAProcess() async throws {
    let folder = try TemporaryFolder()
    let program = try RunningProgram.start("sleep", ["600"], streams: .errorsOnly)
    try " \(program.pid)\n".write(toFile: folder.file("pid"), atomically: true, encoding: .utf8)
    try PIDFile.send(SIGTERM, toProcessIn: folder.file("pid"))
    #expect(await program.waitForExit() == -SIGTERM)
    // Groups of processes, and nonsense, are nobody to signal.
    for wrong in ["0", "-1", "x", ""] {
      try wrong.write(toFile: folder.file("pid"), atomically: true, encoding: .utf8)
      #expect(throws: SVIDFileError(.program, "")) { try PIDFile.send(0, toProcessIn: folder.file("pid")) }
    }
    #expect(throws: SVIDFileError(.program, "")) { try PIDFile.send(0, toProcessIn: folder.file("none")) }
  }
}
