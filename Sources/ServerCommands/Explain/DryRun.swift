import Console
import Flags
import SPIREProtos
import SwiftProtobuf

/// `-dryRun` of `entry create` and `entry update`: has the server go through it all and write nothing.
struct DryRun {
  let action: Swiftspire_Server_Explain_V1_DryRunEntriesRequest.Action

  /// Prints what would happen.
  ///
  /// - Throws: when the server would refuse an entry, so that the exit code tells.
  func run(
    _ entries: [Spire_Api_Types_Entry], _ output: OutputChoice, server: UnixAPI, io: CommandIO
  ) async throws {
    let request = Swiftspire_Server_Explain_V1_DryRunEntriesRequest.with {
      $0.action = action
      $0.entries = entries
    }
    let response = try await Explain.call(server) { try await $0.dryRunEntries(request) }
    output.print(response, to: io) { io.out(DryRunReport(response, action: action).text) }
    guard response.results.allSatisfy({ $0.status.code == 0 }) else {
      // In JSON the results say it.
      throw output.format == .json
        ? CommandFailure.silent() : CommandFailure("one or more entries would be refused; nothing was written")
    }
  }
}
