import Daemon
import FoundationEssentials
import Programs
import SPIFFE

/// Asks Azure's command line for a token of whoever logged in with it: a child without a shell, for ten seconds. A value.
struct AzureCommandLine {
  let environment: [String: String]
  let tenant: String

  /// All that goes wrong is told as ``AzureError/Code/absent``, as azidentity's chain takes it.
  func token(at now: Date) async throws(AzureError) -> AzureToken {
    let program = BoundedProgram(
      "az",
      ["account", "get-access-token", "-o", "json", "--resource", AzureTokens.resource, "--tenant", tenant],
      environment: environment, bounds: .init(time: .seconds(10), output: 64 << 10, remarks: 1024))
    let output: [UInt8]
    do { output = try await program.output() } catch {
      let said = String(String(decoding: error.remarks, as: UTF8.self).prefix(300))
      throw AzureError(.absent, "az \(error)" + (said.isEmpty ? "" : ": \(GoText.quote(said))"))
    }
    guard let answer = try? JSONValue(parsing: output) else { throw AzureError(.absent, "az printed no JSON") }
    guard let end = answer["expires_on"]?.integer else {
      throw AzureError(.absent, "az printed no expires_on: it is older than 2.54.0")
    }
    let life = end.subtractingReportingOverflow(Int64(now.timeIntervalSince1970)).partialValue
    do { return try AzureToken(answer["accessToken"]?.string, life: life) } catch {
      throw AzureError(.absent, "az printed no access token")
    }
  }
}
