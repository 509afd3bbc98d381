import Console
import Flags
import SPIREProtos
import SwiftProtobuf

/// `entry show`: lists the entries that the flags choose.
struct EntryShow: ServerCommand {
  typealias Options = EntryFilterOptions

  private static let pageSize: Int32 = 500

  let name = "entry show"
  let synopsis = "Shows registration entries"
  let details = """
    Without flags all entries are shown. Flags narrow the list; an entry has to meet all of them.
    """
  let examples = [
    CommandExample("Every entry of an identity", "entry show -spiffeID spiffe://example.org/web"),
    CommandExample(
      "Entries that have exactly these selectors",
      "entry show -selector unix:uid:1000 -matchSelectorsOn exact"),
    CommandExample("For a program", "entry show -output json"),
  ]
  let ownFlags: [Flag<Options>] =
    EntryFilterOptions.flags + [.string("entryID", \.entryID, "ID of the one entry to show")]

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    var response = Spire_Api_Server_Entry_V1_ListEntriesResponse()
    if options.entryID.isEmpty {
      response.entries = try await list(options.filter(), server)
    } else {
      if options.isFiltering { throw CommandFailure("the -entryID flag can't be combined with others") }
      response.entries = [try await get(options.entryID, server)]
    }
    response.entries = EntryReport.sorted(response.entries)
    options.output.print(response, to: io) {
      io.print("Found \(count(response.entries.count, "entry", "entries"))")
      for entry in response.entries { io.out(EntryReport.text(entry)) }
    }
  }

  private func get(_ id: String, _ server: UnixAPI) async throws -> Spire_Api_Types_Entry {
    do {
      return try await server.call {
        try await Spire_Api_Server_Entry_V1_Entry.Client(wrapping: $0).getEntry(.with { $0.id = id })
      }
    } catch { throw CommandFailure("error fetching entry ID \(id): \(error)") }
  }

  private func list(
    _ filter: Spire_Api_Server_Entry_V1_ListEntriesRequest.Filter, _ server: UnixAPI
  ) async throws -> [Spire_Api_Types_Entry] {
    do {
      return try await server.call { client in
        var entries: [Spire_Api_Types_Entry] = []
        var token = ""
        repeat {
          let page = try await Spire_Api_Server_Entry_V1_Entry.Client(wrapping: client).listEntries(
            .with {
              $0.filter = filter
              $0.pageSize = Self.pageSize
              $0.pageToken = token
            })
          entries += page.entries
          token = page.nextPageToken
        } while !token.isEmpty
        return entries
      }
    } catch { throw CommandFailure("error fetching entries: \(error)") }
  }
}
