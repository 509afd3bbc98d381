import Foundation
import Glibc

/// A real process of the test's: `cat`, which echoes a line once it runs, so that its start needs no waiting time.
final class ChildProcess {
  struct Failure: Error { let number: Int32 }

  let pid: Int32
  private let input: Int32

  /// - Parameter wrapper: a program with arguments that becomes `cat` in the end, such as `setpriv`.
  init(through wrapper: [String] = []) throws {
    let words = wrapper + ["/bin/cat"]
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
    let number = posix_spawn(&child, words[0], &actions, nil, &arguments, environ)
    close(toChild[0])
    close(fromChild[1])
    defer { close(fromChild[0]) }
    input = toChild[1]
    pid = child
    guard number == 0 else { throw Failure(number: number) }
    // The echo says that it is `cat` that runs now.
    var line = Array("ready\n".utf8)
    guard write(input, line, line.count) == line.count, read(fromChild[0], &line, line.count) > 0 else {
      throw Failure(number: errno)
    }
  }

  func end() {
    close(input)
    kill(pid, SIGKILL)
    waitpid(pid, nil, 0)
  }

  /// The file that `cat` is.
  static var executable: String { URL(fileURLWithPath: "/bin/cat").resolvingSymlinksInPath().path }
}
