import Console
import Flags
import SPIREProtos
import SwiftProtobuf

/// `entry count`: counts the entries that the flags choose.
struct EntryCount: ServerCommand {
  typealias Options = EntryFilterOptions
  let name = "entry count"
  let synopsis = "Counts registration entries"
  let examples = [
    CommandExample("All entries", "entry count"),
    CommandExample("Entries below one node", "entry count -parentID spiffe://example.org/host"),
  ]
  let ownFlags = EntryFilterOptions.flags

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let filter = try options.filter()
    let request = Spire_Api_Server_Entry_V1_CountEntriesRequest.with { request in
      request.filter = .with {
        if filter.hasByParentID { $0.byParentID = filter.byParentID }
        if filter.hasBySpiffeID { $0.bySpiffeID = filter.bySpiffeID }
        if filter.hasBySelectors { $0.bySelectors = filter.bySelectors }
        if filter.hasByFederatesWith { $0.byFederatesWith = filter.byFederatesWith }
        if filter.hasByHint { $0.byHint = filter.byHint }
        $0.byDownstream = filter.byDownstream
      }
    }
    let response = try await server.call {
      try await Spire_Api_Server_Entry_V1_Entry.Client(wrapping: $0).countEntries(request)
    }
    options.output.print(response, to: io) {
      io.print(count(response.count, "registration entry", "registration entries"))
    }
  }
}
