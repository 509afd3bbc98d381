import Console
import Flags
import SPIREProtos
import SwiftProtobuf

/// `entry create`: registers one entry given by flags, or all of a file.
struct EntryCreate: ServerCommand {
  typealias Options = EntryOptions
  let name = "entry create"
  let synopsis = "Creates registration entries"
  let details = """
    One entry is given by flags. With `-data` the entries come from a JSON file, `{"entries": [...]}`, whose members are \
    `spiffe_id`, `parent_id`, `selectors` (a list of `{"type": ..., "value": ...}`), `x509_svid_ttl`, `jwt_svid_ttl`, \
    `federates_with`, `entry_id`, `admin`, `downstream`, `entryExpiry`, `dns_names`, `store_svid`, `hint` and \
    `additional_attributes` (with `disable_x509_svid_prefetch` and `jwt_svid_include_jti`).

    Each entry has its own result: those that cannot be created are printed on standard error with the reason, the others \
    are created.
    """
  let examples = [
    CommandExample(
      "Processes of a user below a node",
      """
      entry create -spiffeID spiffe://example.org/web -parentID spiffe://example.org/host \\
        -selector unix:user:www-data
      """),
    CommandExample(
      "An alias for all nodes that have a selector",
      "entry create -node -spiffeID spiffe://example.org/cluster -selector x509pop:ca:cn:production"),
    CommandExample("Many entries", "entry create -data entries.json"),
    CommandExample("Many entries from another program", "entry create -data - -output json"),
  ]
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
