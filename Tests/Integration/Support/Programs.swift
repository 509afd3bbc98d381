import Foundation

/// Where the built programs and the tests' own clients lie.
enum Programs {
  /// The folder of the test bundle, which holds the executables of the same build.
  static let directory: String = {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    return (own as NSString).deletingLastPathComponent
  }()

  static let server = directory + "/spire-server"
  static let agent = directory + "/spire-agent"
  static let spire = directory + "/spire"
  static let provider = directory + "/oidc-discovery-provider"
  static let helper = directory + "/spiffe-helper"

  /// The root of the package.
  static let root: String = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path

  static func client(_ name: String) -> String { root + "/Tests/Integration/Clients/" + name }

  /// A Python that has the clients of the tests: the one that `make test` prepared, else the first in PATH.
  static let python: String? = {
    for candidate in [root + "/.build/venv/bin/python3", "/usr/bin/env"] {
      guard FileManager.default.isExecutableFile(atPath: candidate) else { continue }
      let arguments = candidate.hasSuffix("env") ? ["python3"] : []
      let result = try? Shell.runSync(candidate, arguments + ["-c", "import spiffe, grpc, cryptography"])
      if result?.status == 0 { return candidate }
    }
    return nil
  }()

  static var pythonArguments: [String] { python?.hasSuffix("env") == true ? ["python3"] : [] }

  /// Recorded and third-party vectors; nil where they are not at hand.
  static let testdata: String? = {
    let path = ProcessInfo.processInfo.environment["SPIRE_TESTDATA"] ?? root + "/../shared/testdata"
    return FileManager.default.fileExists(atPath: path) ? path : nil
  }()
}
