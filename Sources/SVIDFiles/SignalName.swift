import Daemon
import Glibc

/// Signals by the names that configurations give them: `SIGUSR1`.
package enum SignalName {
  private static let numbers: [String: Int32] = [
    "SIGHUP": SIGHUP, "SIGINT": SIGINT, "SIGQUIT": SIGQUIT, "SIGILL": SIGILL, "SIGTRAP": SIGTRAP, "SIGABRT": SIGABRT,
    "SIGIOT": SIGABRT, "SIGBUS": SIGBUS, "SIGFPE": SIGFPE, "SIGKILL": SIGKILL, "SIGUSR1": SIGUSR1, "SIGSEGV": SIGSEGV,
    "SIGUSR2": SIGUSR2, "SIGPIPE": SIGPIPE, "SIGALRM": SIGALRM, "SIGTERM": SIGTERM, "SIGSTKFLT": 16,
    "SIGCHLD": SIGCHLD, "SIGCLD": SIGCHLD, "SIGCONT": SIGCONT, "SIGSTOP": SIGSTOP, "SIGTSTP": SIGTSTP,
    "SIGTTIN": SIGTTIN, "SIGTTOU": SIGTTOU, "SIGURG": SIGURG, "SIGXCPU": SIGXCPU, "SIGXFSZ": SIGXFSZ,
    "SIGVTALRM": SIGVTALRM, "SIGPROF": SIGPROF, "SIGWINCH": SIGWINCH, "SIGIO": SIGIO, "SIGPOLL": SIGIO,
    "SIGPWR": 30, "SIGSYS": SIGSYS,
  ]

  /// The number of a signal.
  package static func number(_ name: String) throws(SVIDFileError) -> Int32 {
    guard let number = numbers[name] else {
      throw SVIDFileError(.configuration, "error getting signal: \(name)")
    }
    return number
  }
}
