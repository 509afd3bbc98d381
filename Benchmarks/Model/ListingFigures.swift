import Daemon
import DatastoreAPI
import FoundationEssentials
import Glibc
import Logging
import SPIFFE
import SPIREProtos
import SQLDatastore
import Server
import SwiftProtobuf

/// The steps of ListEntries, per entry: rows to values, values to messages, messages to bytes.
enum ListingFigures {
  static func measure(entries count: Int) async throws -> [Figure] {
    let folder = "/tmp/bench-model-\(getpid())"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let datastore = try await SQLDatastore.open(
      SQLDatastoreConfiguration(connectionString: folder + "/d.sqlite3"),
      logger: Logger(label: "bench", factory: { _ in SwiftLogNoOpLogHandler() }), metrics: .none, time: SystemTime())
    try await fill(datastore, count)
    var items: [RegistrationEntry] = []
    var read = 0.0
    for _ in 0..<3 {
      items = []
      var token = ""
      let began = Usage.cpu
      repeat {
        let page = try await datastore.listEntries(.all, page: Page(size: 1000, token: token))
        items += page.items
        token = page.nextToken
      } while !token.isEmpty
      read = Usage.cpu - began
    }
    precondition(items.count == count)
    var response = Spire_Api_Server_Entry_V1_ListEntriesResponse()
    let convert = Usage.microseconds(steps: 10) { _ in
      for start in stride(from: 0, to: count, by: 1000) {
        response.entries = items[start..<min(start + 1000, count)].map { $0.apiMessage }
      }
    }
    response.entries = items.prefix(1000).map { $0.apiMessage }
    let listed = response.entries.count
    let encode = try Usage.microseconds(steps: 20) { _ in
      let bytes: [UInt8] = try response.serializedBytes()
      precondition(bytes.count > listed)
    }
    await datastore.close()
    return [
      Figure("list_read_us", read / Double(count) * 1e6), Figure("list_convert_us", convert / Double(count)),
      Figure("list_encode_us", encode / Double(listed)),
    ]
  }

  private static func fill(_ datastore: SQLDatastore, _ count: Int) async throws {
    let parent = try SPIFFEID("spiffe://example.org/spire/agent/join_token/0000")
    for start in stride(from: 0, to: count, by: 500) {
      let batch = try (start..<min(start + 500, count)).map { number in
        RegistrationEntry(
          spiffeID: try SPIFFEID("spiffe://example.org/load/\(number)"), parentID: parent,
          selectors: [Selector(type: "unix", value: "uid:\(number)")])
      }
      for result in try await datastore.createEntries(batch) { _ = try result.get() }
    }
  }
}
