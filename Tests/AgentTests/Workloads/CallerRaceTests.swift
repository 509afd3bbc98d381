import AgentPlugins
import DaemonTesting
import Foundation
import Glibc
import Logging
import RPC
import SPIFFE
import Synchronization
import Testing

@testable import Agent
@testable import Daemon

/// Processes that connect and then try to be somebody else while they are attested. Each race is run in an attestor that
/// does not answer before the race has happened.
@Suite(.serialized) struct CallerRaceTests {
  /// Runs the race, then says what it found.
  private struct Racing: WorkloadAttestor {
    let name = "unix"
    let race: @Sendable (Int32) throws -> Void

    func attest(pid: Int32) async throws(AgentPluginError) -> [String] {
      do { try race(pid) } catch { throw AgentPluginError(.internalError, "the race was not run: \(error)") }
      return ["uid:0"]
    }
  }

  /// A listening socket in a folder of its own.
  private final class Listener {
    let path: String
    private let descriptor: Int32

    init(_ folder: String, makes: Bool = false) throws {
      if makes { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }
      path = folder + "/s"
      descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      let bytes = Array(path.utf8)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
      let bound = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
      guard bound == 0, listen(descriptor, 8) == 0 else { throw ChildProcess.Failure(number: errno) }
      chmod(path, 0o777)
    }

    deinit { close(descriptor) }

    /// The process that connects next, as an endpoint knows it.
    func accept() throws -> LocalPeer {
      let accepted = Glibc.accept(descriptor, nil, nil)
      guard accepted >= 0 else { throw ChildProcess.Failure(number: errno) }
      defer { close(accepted) }
      return try #require(LocalPeer(connectedTo: accepted))
    }
  }

  /// Connects to the socket it is given and then does what it is told: its program's second part.
  private static func client(_ then: String) -> String {
    """
    import os, socket, sys, time, array
    s = socket.socket(socket.AF_UNIX)
    s.set_inheritable(True)
    s.connect(sys.argv[1])
    print("connected", flush=True)
    sys.stdin.readline()
    """ + "\n" + then
  }

  /// Attests the caller while the race runs.
  private func attest(
    _ peer: LocalPeer, _ processes: HostProcesses = HostProcesses(), _ race: @escaping @Sendable (Int32) throws -> Void
  ) async -> Result<[Selector], AgentError> {
    let attestation = WorkloadAttestation(
      attestors: [Racing(race: race)], metrics: .none, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    do throws(AgentError) {
      return .success(try await attestation.selectors(of: SocketCaller(peer, processes: processes)))
    } catch {
      return .failure(error)
    }
  }

  private func refusal(_ result: Result<[Selector], AgentError>) -> String {
    switch result {
    case .success(let selectors): "let in with \(selectors)"
    case .failure(let error): "\(error.code) \(error.message)"
    }
  }

  private static func executable(_ pid: Int32) -> String { (try? HostProcesses().executable(of: pid)) ?? "" }

  @Test func callerThatDoesNothingIsLetIn() async throws {
    try await withFolder { folder in
      let listener = try Listener(folder)
      let child = try ChildProcess(python: Self.client("time.sleep(60)"), [listener.path])
      defer { child.end() }
      let peer = try listener.accept()
      #expect(peer.pid == child.pid && peer.uid == geteuid() && peer.executable != nil)
      let result = await attest(peer) { _ in }
      #expect(refusal(result) == "let in with [unix:uid:0]")
    }
  }

  @Test func callerThatExecutesAnotherProgramIsRefused() async throws {
    try await withFolder { folder in
      let listener = try Listener(folder)
      // The socket lives on in a child of it, which would read the answer.
      let child = try ChildProcess(
        python: Self.client(
          """
          if os.fork() == 0: time.sleep(1) or os._exit(0)
          s.close()
          os.execv("/bin/cat", ["cat"])
          """), [listener.path])
      defer { child.end() }
      let peer = try listener.accept()
      let start = try HostProcesses().startTime(of: child.pid)
      let before = Self.executable(child.pid)
      let result = await attest(peer) { pid in
        try child.say("exec")
        while Self.executable(pid) == before { usleep(1000) }
      }
      // Pid, start time and user are what they were.
      #expect(peer.process.isAlive)
      #expect(try HostProcesses().startTime(of: child.pid) == start)
      #expect(refusal(result).contains("executes another program than when it connected"))
    }
  }

  @Test func programThatWasExecutedBeforeTheCallIsNotTheCallerEither() async throws {
    try await withFolder { folder in
      let listener = try Listener(folder)
      let child = try ChildProcess(python: Self.client("os.execv('/bin/cat', ['cat'])"), [listener.path])
      defer { child.end() }
      let peer = try listener.accept()
      _ = try child.hear()
      let before = Self.executable(child.pid)
      try child.say("exec")
      while Self.executable(child.pid) == before { usleep(1000) }
      let result = await attest(peer) { _ in }
      #expect(refusal(result).contains("executes another program than when it connected"))
      // No message of a stream goes to it.
      #expect(!SocketCaller(peer, processes: HostProcesses()).isAlive)
    }
  }

  @Test func callerThatEndsWhileItsSocketLivesOnIsRefused() async throws {
    try await withFolder { folder in
      let listener = try Listener(folder)
      let child = try ChildProcess(
        python: Self.client("if os.fork() == 0: time.sleep(1)\nos._exit(0)"), [listener.path])
      let peer = try listener.accept()
      let result = await attest(peer) { pid in
        try child.say("exit")
        // As a zombie it is still there for everybody who goes by its number.
        while kill(pid, 0) == 0,
          try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8).contains(") Z") == false
        { usleep(1000) }
      }
      #expect(refusal(result).contains("could not verify existence of the original caller: the process"))
      #expect(!SocketCaller(peer, processes: HostProcesses()).isAlive)
      child.end()
    }
  }

  @Test(.enabled(if: geteuid() == 0)) func callerThatBecomesAnotherUserIsRefused() async throws {
    try await withFolder { folder in
      for change in ["os.setresuid(65534, 65534, 65534)", "os.setresgid(65534, 65534, 65534)"] {
        let listener = try Listener(folder + "/" + (change.contains("uid") ? "u" : "g"), makes: true)
        let child = try ChildProcess(
          python: Self.client(change + "\nprint('done', flush=True)\ntime.sleep(60)"), [listener.path])
        defer { child.end() }
        let peer = try listener.accept()
        _ = try child.hear()
        let result = await attest(peer) { _ in
          try child.say("change")
          _ = try child.hear()
        }
        #expect(refusal(result).contains("changed from user 0, group 0 to user"))
      }
    }
  }

  @Test func callerThatIsMovedToAnotherCgroupIsRefused() async throws {
    try await withFolder { folder in
      let listener = try Listener(folder)
      let child = try ChildProcess(python: Self.client("time.sleep(60)"), [listener.path])
      defer { child.end() }
      let peer = try listener.accept()
      // A process table of the test's own: nothing here may move processes for real.
      let table = folder + "/proc/\(child.pid)"
      try FileManager.default.createDirectory(atPath: table, withIntermediateDirectories: true)
      try String(contentsOfFile: "/proc/\(child.pid)/status", encoding: .utf8)
        .write(toFile: table + "/status", atomically: false, encoding: .utf8)
      let cgroup = table + "/cgroup"
      try "0::/mine\n".write(toFile: cgroup, atomically: false, encoding: .utf8)
      let processes = HostProcesses(root: folder + "/proc")
      let stayed = await attest(peer, processes) { _ in }
      #expect(refusal(stayed) == "let in with [unix:uid:0]")
      let moved = await attest(peer, processes) { _ in
        try "0::/victim\n".write(toFile: cgroup, atomically: false, encoding: .utf8)
      }
      #expect(refusal(moved).contains("was moved to another cgroup while it was attested"))
    }
  }

  /// Makes a process with a number of its choice, as only a privileged one can.
  private static let successor = """
    import ctypes, os, sys, time
    libc = ctypes.CDLL(None, use_errno=True)
    pid = ctypes.c_int32(int(sys.argv[1]))
    # struct clone_args: flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size
    arguments = (ctypes.c_uint64 * 10)(0, 0, 0, 0, 17, 0, 0, 0, ctypes.addressof(pid), 1)
    made = libc.syscall(435, arguments, 80)
    if made == 0:
        time.sleep(60)
        os._exit(0)
    print(made if made > 0 else os.strerror(ctypes.get_errno()), flush=True)
    sys.stdin.readline()
    if made > 0:
        os.kill(made, 9)
        os.waitpid(made, 0)
    """

  @Test(.enabled(if: geteuid() == 0)) func numberOfAnEndedCallerDoesNotGiveItsIdentity() async throws {
    try await withFolder { folder in
      let listener = try Listener(folder)
      let child = try ChildProcess(
        python: Self.client("if os.fork() == 0: time.sleep(1)\nos._exit(0)"), [listener.path])
      let peer = try listener.accept()
      // As kernels before 6.5 and callers that are named by their number are known.
      let older = LocalPeer(
        pid: peer.pid, uid: peer.uid, gid: peer.gid, process: ProcessHandle(connectedTo: -1, pid: peer.pid),
        executable: peer.executable)
      let named = try NamedProcess(pid: peer.pid, processes: HostProcesses())
      let heir = Mutex<(process: ChildProcess, number: String)?>(nil)
      let result = await attest(peer) { pid in
        try child.say("exit")
        guard waitpid(pid, nil, 0) == pid else { throw ChildProcess.Failure(number: errno) }
        let process = try ChildProcess(python: Self.successor, ["\(pid)"])
        let number = try process.hear()
        heir.withLock { $0 = (process, number) }
      }
      let number = heir.withLock { $0?.number }
      defer {
        heir.withLock { heir in
          try? heir?.process.say("end")
          if let pid = heir?.process.pid { waitpid(pid, nil, 0) }
        }
      }
      // Without the privilege to choose a number there is no process with it, which is refused as well.
      if number == "\(peer.pid)" {
        #expect(kill(peer.pid, 0) == 0)
        #expect(try HostProcesses().status(of: peer.pid).uid == peer.uid)
      }
      #expect(refusal(result).contains("could not verify existence of the original caller: the process"))
      let later = await attest(older) { _ in }
      #expect(refusal(later).contains("could not verify existence of the original caller: the process"))
      await #expect(throws: AgentError(.unauthenticated, "")) { try await named.verify() }
    }
  }

  @Test(.enabled(if: ChildProcess.canUnshare)) func callerInAPIDNamespaceBelowIsKnownByItsNumberHere() async throws {
    try await withFolder { folder in
      let listener = try Listener(folder)
      let child = try ChildProcess(
        [
          "unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "python3", "-c",
          Self.client("time.sleep(60)"), listener.path,
        ])
      defer { child.end() }
      let peer = try listener.accept()
      // It calls itself 1, and root.
      #expect(peer.pid > 1 && peer.pid != child.pid && peer.uid == geteuid())
      let result = await attest(peer) { _ in }
      #expect(refusal(result) == "let in with [unix:uid:0]")
    }
  }

  @Test func socketThatIsHandedOnStaysThatOfWhoConnected() async throws {
    try await withFolder { folder in
      let listener = try Listener(folder)
      // A process that does not connect itself: it gets the socket from its parent, over another one (SCM_RIGHTS).
      let child = try ChildProcess(
        python: """
          import os, socket, sys, time
          a, b = socket.socketpair()
          heir = os.fork()
          if heir == 0:
              data, fds, _, _ = socket.recv_fds(b, 1, 1)
              os.write(fds[0], b"x")
              time.sleep(60)
              os._exit(0)
          s = socket.socket(socket.AF_UNIX)
          s.connect(sys.argv[1])
          socket.send_fds(a, [b"x"], [s.fileno()])
          s.close()
          print(heir, flush=True)
          sys.stdin.readline()
          os.kill(heir, 9)
          os.waitpid(heir, 0)
          """, [listener.path])
      let peer = try listener.accept()
      let heir = try child.hear()
      #expect(peer.pid == child.pid && "\(peer.pid)" != heir)
      let result = await attest(peer) { _ in }
      #expect(refusal(result) == "let in with [unix:uid:0]")
      try child.say("end")
      waitpid(child.pid, nil, 0)
      let after = await attest(peer) { _ in }
      #expect(refusal(after).contains("could not verify existence of the original caller"))
    }
  }
}

extension ChildProcess {
  /// Whether a process may be put into a user and PID namespace of its own.
  static let canUnshare: Bool = {
    guard let child = try? ChildProcess(["unshare", "--user", "--map-root-user", "--pid", "--fork", "true"]) else {
      return false
    }
    var status: Int32 = 0
    return waitpid(child.pid, &status, 0) == child.pid && status == 0
  }()
}
