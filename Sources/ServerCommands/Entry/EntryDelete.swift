import Console
import Daemon
import Flags
import SPIREProtos
import SwiftProtobuf

/// `entry delete`: deletes one entry, or all that a file names.
struct EntryDelete: ServerCommand {
  struct Options: ServerOptions, PrintingOptions {
    var socket = ServerSocket()
    var output = OutputChoice()
    var entryID = ""
    var file = ""
  }

  let name = "entry delete"
  let synopsis = "Deletes registration entries"
  let details = """
    With `-file` the IDs come from a JSON file, `{"ids": ["...", "..."]}`.
    """
  let examples = [
    CommandExample("Delete one", "entry delete -entryID 386e9aa9-5ffe-4ab5-bd77-7d0c67dc2e84"),
    CommandExample("Delete many", "entry delete -file ids.json"),
  ]
  let ownFlags: [Flag<Options>] = [
    .string("entryID", \.entryID, "ID of the entry to delete"),
    .string("file", \.file, "File with the IDs of entries to delete, {\"ids\": [...]}; - is standard input").takes(
      .file),
  ]

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    if options.entryID.isEmpty && options.file.isEmpty { throw CommandFailure("an entry ID is required") }
    let ids =
      options.file.isEmpty
      ? [options.entryID] : try DataObject(parsing: InputFile.read(options.file, io: io)).strings("ids")
    let request = Spire_Api_Server_Entry_V1_BatchDeleteEntryRequest.with { $0.ids = ids }
    let response = try await server.call {
      try await Spire_Api_Server_Entry_V1_Entry.Client(wrapping: $0).batchDeleteEntry(request)
    }
    try options.output.print(response, to: io) { try Self.print(response.results, io) }
  }

  private static func print(
    _ results: [Spire_Api_Server_Entry_V1_BatchDeleteEntryResponse.Result], _ io: CommandIO
  ) throws {
    let succeeded = results.filter { $0.status.code == 0 }
    let failed = results.filter { $0.status.code != 0 }
    for result in succeeded { io.print("Deleted entry with ID: \(result.id)") }
    for result in failed {
      io.printError(
        "Failed to delete entry with ID \(result.id) (code: \(statusName(result.status.code)), "
          + "msg: \(GoText.quote(result.status.message)))")
    }
    // SPIRE: the summary has no line end and is always plural.
    io.out("\n\n")
    if !succeeded.isEmpty || failed.isEmpty { io.out("Deleted \(succeeded.count) entries successfully") }
    if !succeeded.isEmpty && !failed.isEmpty { io.out(", but failed to delete \(failed.count) entries") }
    if succeeded.isEmpty && !failed.isEmpty { io.out("Failed to delete \(failed.count) entries") }
    if !failed.isEmpty { throw CommandFailure("failed to delete one or more entries") }
  }
}
