import Console
import Flags
import GRPCCore
import SPIFFE
import WorkloadClient
import WorkloadProtos

/// `api validate jwt`: has the agent validate a JWT-SVID.
struct ValidateJWT: WorkloadCommand {
  struct Options: WorkloadOptions, PrintingOptions {
    var socket = WorkloadSocket()
    var output = OutputChoice()
    var audience: String?
    var svid: String?
    var timeout = Duration.seconds(5)
  }

  let name = "api validate jwt"
  let synopsis = "Validates a JWT-SVID with the Workload API"
  let examples = [
    CommandExample("Ask the agent about a token", "api validate jwt -audience database -svid eyJhbGciOi...")
  ]
  let ownFlags: [Flag<Options>] = [
    .string("audience", \.audience, "Audience that the JWT-SVID must name"),
    .string("svid", \.svid, "The JWT-SVID"),
    .duration("timeout", \.timeout, "How long to wait for the agent"),
    .output(),
  ]

  func run(_ options: Options, agent: UnixAPI, io: CommandIO) async throws {
    guard let audience = options.audience, !audience.isEmpty else {
      throw CommandFailure.plain("audience must be specified")
    }
    guard let svid = options.svid, !svid.isEmpty else { throw CommandFailure.plain("svid must be specified") }
    var request = WorkloadValidateJWTSVIDRequest()
    request.audience = audience
    request.svid = svid
    let response: WorkloadValidateJWTSVIDResponse
    do {
      response = try await WorkloadAPIClient(agent, timeout: options.timeout).validate(request)
    } catch let failure as CallFailure where failure.code == .invalidArgument {
      throw CommandFailure.plain("SVID is not valid: \(failure.message)")
    } catch {
      throw CommandFailure.plain("unable to validate JWT SVID: \(error)")
    }
    options.output.print(response, to: io) {
      let claims = response.claims.json.text(JSONStyle(escapesHTML: false, sortsMembers: true))
      io.print("SVID is valid.")
      io.print("SPIFFE ID : \(response.spiffeID)")
      io.print("Claims    : \(claims)")
    }
  }
}
