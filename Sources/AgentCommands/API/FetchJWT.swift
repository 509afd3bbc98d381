import Console
import Flags
import WorkloadClient
import WorkloadProtos

/// `api fetch jwt`: fetches JWT-SVIDs of the calling process, and the keys that verify such tokens.
struct FetchJWT: WorkloadCommand {
  struct Options: WorkloadOptions, PrintingOptions {
    var socket = WorkloadSocket()
    var output = OutputChoice()
    var audience: [String] = []
    var spiffeID = ""
    var timeout = Duration.seconds(5)
  }

  let name = "api fetch jwt"
  let synopsis = "Fetches a JWT-SVID from the Workload API"
  let details = """
    The agent finds out by itself which process calls; there is nothing to log in with.
    """
  let examples = [
    CommandExample("A token for a service", "api fetch jwt -audience database"),
    CommandExample("One of several identities", "api fetch jwt -audience database -spiffeID spiffe://example.org/web"),
  ]
  let ownFlags: [Flag<Options>] = [
    .custom("audience", "Audiences of the JWT-SVID, separated by commas") { options, value in
      options.audience = value.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    },
    .string("spiffeID", \.spiffeID, "SPIFFE ID of the JWT-SVID, if the process has several").takes(.spiffeID),
    .duration("timeout", \.timeout, "How long to wait for the agent, for each of two calls"),
    .output(),
    .output("format"),
  ]

  func run(_ options: Options, agent: UnixAPI, io: CommandIO) async throws {
    if options.audience.isEmpty { throw CommandFailure.plain("audience must be specified") }
    let api = WorkloadAPIClient(agent, timeout: options.timeout)
    let bundles: WorkloadJWTBundlesResponse
    do { bundles = try await api.jwtBundles() } catch {
      throw CommandFailure.plain("failed to receive JWT bundles: \(error)")
    }
    var request = WorkloadJWTSVIDRequest()
    request.audience = options.audience
    request.spiffeID = options.spiffeID
    let response = try await api.jwtSVIDs(request)
    options.output.print(response, bundles, to: io) {
      for svid in response.svids {
        io.print("token(\(svid.spiffeID)):\n\t\(svid.svid)")
        if !svid.hint.isEmpty { io.print("hint(\(svid.spiffeID)):\n\t\(svid.hint)") }
      }
      for (trustDomain, keys) in bundles.bundles.sorted(by: { $0.key < $1.key }) {
        io.print("bundle(\(trustDomain)):\n\t\(String(decoding: keys, as: UTF8.self))")
      }
    }
  }
}
