import Daemon
package import Flags
import Glibc
import Logging

/// The command line of `spiffe-helper` (ecosystem §2).
package struct SpiffeHelperCommand: Command {
  package struct Options: CommandOptions {
    var config = "helper.conf"
    var daemonMode: Bool?
    var version = false

    package init() {}
  }

  package static let program = SingleCommandProgram(program: "spiffe-helper", command: SpiffeHelperCommand())
  /// The version of upstream's helper whose files and flags these are.
  package static let upstreamVersion = "0.11.0"

  package let name = "spiffe-helper"
  package let synopsis = "Keeps X.509-SVIDs, JWT-SVIDs and bundles of the Workload API in files"
  package let details = """
    It asks the Workload API for the identity of its own process, writes it to files, and replaces these before they expire. \
    It can start a program when the files are there and signal it, or another process, when they change. With \
    `-daemon-mode=false` it writes the files once and ends. SIGINT and SIGTERM end it, and the program that it started.
    """
  package let examples = [
    CommandExample("Keep files up to date", "-config /etc/spiffe-helper.conf"),
    CommandExample("Write them once", "-config /etc/spiffe-helper.conf -daemon-mode=false"),
  ]
  package let flags: [Flag<Options>] = [
    .string("config", \.config, "Path of the configuration file").takes(.file),
    .bool(
      "daemon-mode", \.daemonMode,
      "Keep the files up to date, or with =false write them once and end; goes before daemon_mode of the file"),
    .bool("version", \.version, "Print the version and exit"),
  ]
  package let environment = [
    EnvironmentVariable(
      "SPIFFE_ENDPOINT_SOCKET", "The Workload API, a path or a URI, where the configuration file names none")
  ]

  package init() {}

  package func run(_ options: Options, io: CommandIO) async throws {
    if options.version { return io.print(Self.upstreamVersion) }
    // Standard output is the command's that may be started.
    let log = LogOutput(
      writer: LogWriter(borrowing: STDERR_FILENO), format: .automatic, level: LogLevelControl(launch: .info))
    let logger = log.logger.with(["system": "spiffe-helper"])
    logger.info("Using configuration file: \(GoText.quote(options.config))")
    func fail(_ message: Logger.Message, _ error: any Error) -> CommandFailure {
      logger.error(message, metadata: ["error": "\(error)"])
      return .silent()
    }
    let file: HelperConfigFile
    do { file = try HelperConfigFile.load(options.config) } catch {
      throw fail("failed to parse configuration", error)
    }
    let configuration: HelperConfiguration
    do {
      configuration = try HelperConfiguration(file, daemonMode: options.daemonMode, environment: io.environment)
    } catch {
      logger.log(error.notices)
      throw fail("invalid configuration", error)
    }
    do { try await HelperRuntime(configuration, logger: logger).run() } catch {
      throw fail("Error starting spiffe-helper", error)
    }
    logger.info("Exiting")
  }
}
