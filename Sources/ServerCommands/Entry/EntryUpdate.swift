import Console
import Flags
import SPIREProtos
import SwiftProtobuf

/// `entry update`: replaces one entry by what the flags say, or all entries of a file.
struct EntryUpdate: ServerCommand {
  typealias Options = EntryOptions
  let name = "entry update"
  let synopsis = "Updates registration entries"
  let details = """
    The entry is replaced: a field whose flag is not given gets its default. The file of `-data` has the form that \
    `entry create` takes, with an `entry_id` in each entry.
    """
  let examples = [
    CommandExample(
      "Replace an entry",
      """
      entry update -entryID 386e9aa9-5ffe-4ab5-bd77-7d0c67dc2e84 \\
        -spiffeID spiffe://example.org/web -parentID spiffe://example.org/host \\
        -selector unix:uid:1000 -x509SVIDTTL 600
      """)
  ]
  let ownFlags = EntryOptions.flags

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let entries: [Spire_Api_Types_Entry]
    if options.data.isEmpty {
      if options.entryID.isEmpty { throw CommandFailure("entry ID is required") }
      try options.validate(parentError: "a parent ID is required")
      entries = [try await entry(options, server)]
    } else {
      entries = try EntryFile.parse(InputFile.read(options.data, io: io))
    }
    if options.dryRun {
      return try await DryRun(action: .update).run(entries, options.output, server: server, io: io)
    }
    let request = Spire_Api_Server_Entry_V1_BatchUpdateEntryRequest.with { $0.entries = entries }
    var response = try await server.call {
      try await Spire_Api_Server_Entry_V1_Entry.Client(wrapping: $0).batchUpdateEntry(request)
    }
    response.results = Spire_Api_Server_Entry_V1_BatchUpdateEntryResponse.Result.completed(
      response.results, sent: entries)
    try options.output.print(response, to: io) {
      try EntryReport.print(response.results, verb: "update", io: io)
    }
  }

  /// The new entry. The two additional attributes are stored together: the one without a flag keeps its value.
  private func entry(_ options: EntryOptions, _ server: UnixAPI) async throws -> Spire_Api_Types_Entry {
    var entry = try options.entry()
    guard entry.hasAdditionalAttributes else { return entry }
    let request = Spire_Api_Server_Entry_V1_GetEntryRequest.with {
      $0.id = options.entryID
      $0.outputMask.additionalAttributes = true
    }
    let stored: Spire_Api_Types_Entry
    do {
      stored = try await server.call {
        try await Spire_Api_Server_Entry_V1_Entry.Client(wrapping: $0).getEntry(request)
      }
    } catch { throw CommandFailure("error fetching entry ID \(options.entryID): \(error)") }
    let attributes = stored.additionalAttributes
    if options.disableX509SVIDPrefetch == nil {
      entry.additionalAttributes.disableX509SvidPrefetch = attributes.disableX509SvidPrefetch
    }
    if options.jwtSVIDIncludeJTI == nil {
      entry.additionalAttributes.jwtSvidIncludeJti = attributes.jwtSvidIncludeJti
    }
    return entry
  }
}
