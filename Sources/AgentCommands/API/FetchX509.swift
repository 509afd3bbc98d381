import Console
import Daemon
import Flags
import WorkloadClient

/// `api fetch x509` and `api fetch`: fetches the X.509-SVIDs of the calling process, shows them or writes them to files.
struct FetchX509: WorkloadCommand {
  struct Options: WorkloadOptions, PrintingOptions {
    var socket = WorkloadSocket()
    var output = OutputChoice()
    var silent = false
    var write = ""
    var timeout = Duration.seconds(5)
  }

  let name: String
  let synopsis = "Fetches X.509-SVIDs from the Workload API"
  let details = """
    The agent finds out by itself which process calls; there is nothing to log in with. The chains are verified before \
    anything is printed or written. `-write` leaves svid.N.pem, svid.N.key, bundle.N.pem and federated_bundle.N.M.pem.
    """
  let examples = [
    CommandExample("What this process gets", "api fetch x509"),
    CommandExample("Into files", "api fetch x509 -write /run/svid"),
  ]
  let ownFlags: [Flag<Options>] = [
    .bool("silent", \.silent, "Print nothing"),
    .string("write", \.write, "Folder to write the SVIDs, keys and bundles to; only with pretty output").takes(
      .directory),
    .duration("timeout", \.timeout, "How long to wait for the agent"),
    .output(),
  ]
  let time: any TimeSource

  init(name: String = "api fetch x509", time: any TimeSource = SystemTime()) {
    self.name = name
    self.time = time
  }

  func run(_ options: Options, agent: UnixAPI, io: CommandIO) async throws {
    let start = ContinuousClock.now
    let response = try await WorkloadAPIClient(agent, timeout: options.timeout).x509SVIDs()
    let elapsed = start.duration(to: .now)
    try options.output.print(response, to: io) {
      let document = try X509Document(response)
      try document.verify(at: time.now)
      if !options.silent {
        X509Report.print(document, elapsed: elapsed, showsHints: true, bareNames: false, io: io)
      }
      if !options.write.isEmpty { try X509Files.write(document, to: options.write, io: io) }
    }
  }
}
