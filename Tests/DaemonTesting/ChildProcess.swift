import Foundation
import Glibc

/// A real process of the test's, and a pipe each way.
package final class ChildProcess: Sendable {
  package struct Failure: Error {
    let number: Int32
    package init(number: Int32) { self.number = number }
  }

  package let pid: Int32
  private let input: Int32
  private let output: Int32

  package init(_ words: [String]) throws {
    var toChild: [Int32] = [0, 0]
    var fromChild: [Int32] = [0, 0]
    guard pipe(&toChild) == 0, pipe(&fromChild) == 0 else { throw Failure(number: errno) }
    for end in toChild + fromChild { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, toChild[0], 0)
    posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1)
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { arguments.forEach { free($0) } }
    var child: pid_t = 0
    let number = posix_spawnp(&child, words[0], &actions, nil, &arguments, environ)
    close(toChild[0])
    close(fromChild[1])
    input = toChild[1]
    output = fromChild[0]
    pid = child
    guard number == 0 else { throw Failure(number: number) }
  }

  /// `cat`, which echoed a line when this returns, so that its start needs no waiting time.
  ///
  /// - Parameter wrapper: a program with arguments that becomes `cat` in the end, such as `setpriv`.
  package convenience init(through wrapper: [String] = []) throws {
    try self.init(wrapper + ["/bin/cat"])
    // The echo says that it is `cat` that runs now.
    try say("ready")
    _ = try hear()
  }

  /// A program in Python.
  package convenience init(python program: String, _ arguments: [String] = []) throws {
    try self.init(["python3", "-c", program] + arguments)
  }

  deinit {
    close(input)
    close(output)
  }

  package func say(_ line: String) throws {
    let bytes = Array((line + "\n").utf8)
    guard write(input, bytes, bytes.count) == bytes.count else { throw Failure(number: errno) }
  }

  /// The next line that it writes; waits for it.
  package func hear() throws -> String {
    var line: [UInt8] = []
    var byte: UInt8 = 0
    while read(output, &byte, 1) == 1 {
      if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
      line.append(byte)
    }
    throw Failure(number: EPIPE)
  }

  package func end() {
    kill(pid, SIGKILL)
    waitpid(pid, nil, 0)
  }

  /// The file that `cat` is.
  package static var executable: String { URL(fileURLWithPath: "/bin/cat").resolvingSymlinksInPath().path }
}
