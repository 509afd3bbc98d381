package import Daemon
package import SVIDFiles
package import WorkloadClient

/// What the helper is told to do, checked and typed. Built once at the start; ``HelperRuntime`` hands each part what it
/// needs. Immutable after that.
package struct HelperConfiguration: Sendable {
  /// A program that is started when the first X.509 files are there.
  package struct Command: Hashable, Sendable {
    package var program: String
    package var arguments: [String]
  }

  /// A token and where it goes.
  package struct Token: Hashable, Sendable {
    /// The audience that upstream names first, then the others.
    package var audience: [String]
    package var fileName: String
  }

  /// `health_checks` with a listener.
  package struct HealthChecks: Hashable, Sendable {
    package var port: Int
    package var livenessPath: String
    package var readinessPath: String
  }

  package var endpoint: WorkloadEndpoint
  package var isDaemon: Bool
  /// The folder of all files; `.` where the configuration names none.
  package var directory: String
  /// Nil: no X.509 files.
  package var x509: X509FilePlan?
  package var tokens: [Token]
  package var tokenMode: UInt32
  /// Nil: no file with JWT bundles.
  package var jwtBundleFile: String?
  package var jwtBundleMode: UInt32
  /// Empty: the first SVID.
  package var hint: String
  package var command: Command?
  package var pidFile: String?
  /// What the command and the process of the PID file get.
  package var signal: Int32?
  package var healthChecks: HealthChecks?
  /// What to log once there is a log: warnings.
  package var notices: [ConfigurationNotice]

  /// A file of the folder as the health page names it.
  package func path(_ name: String) -> String {
    let name = String(name.drop { $0 == "/" })
    if directory == "." { return name }
    var directory = directory
    while directory.count > 1, directory.hasSuffix("/") { directory.removeLast() }
    return directory == "/" ? "/" + name : directory + "/" + name
  }
}
