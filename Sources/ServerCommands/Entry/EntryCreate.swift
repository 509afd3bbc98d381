import Console
import Flags
import SPIREProtos
import SwiftProtobuf

/// `entry create`: registers one entry given by flags, or all of a file.
struct EntryCreate: ServerCommand {
  typealias Options = EntryOptions
  let name = "entry create"
  let synopsis = "Creates registration entries"
  let ownFlags: [Flag<Options>] =
    EntryOptions.flags + [.bool("node", \.node, "The entry is an alias for nodes: its parent is the server")]

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let entries: [Spire_Api_Types_Entry]
    if options.data.isEmpty {
      try options.validate(
        parentError: options.node ? nil : "a parent ID is required if the node flag is not set")
      entries = [try options.entry()]
    } else {
      entries = try EntryFile.parse(InputFile.read(options.data, io: io))
    }
    if options.dryRun {
      return try await DryRun(action: .create).run(entries, options.output, server: server, io: io)
    }
    let request = Spire_Api_Server_Entry_V1_BatchCreateEntryRequest.with { $0.entries = entries }
    var response = try await server.call {
      try await Spire_Api_Server_Entry_V1_Entry.Client(wrapping: $0).batchCreateEntry(request)
    }
    response.results = Spire_Api_Server_Entry_V1_BatchCreateEntryResponse.Result.completed(
      response.results, sent: entries)
    try options.output.print(response, to: io) {
      try EntryReport.print(response.results, verb: "create", io: io)
    }
  }
}
