import Daemon
import DatastoreAPI
import Logging
import SPIFFE
import Testing

@testable import SQLDatastore

@Suite struct ReplicaTests {
  private func open(
    _ path: String, replica: String, _ log: RecordingLog
  ) async throws -> SQLDatastore {
    try await SQLDatastore.open(
      SQLDatastoreConfiguration(connectionString: path, readOnlyConnectionString: replica), logger: log.logger,
      metrics: .none, time: TestTime())
  }

  @Test func answersReadsThatTolerateStaleData() async throws {
    let folder = try TemporaryFolder()
    let log = RecordingLog()
    let datastore = try await open(folder.file("d"), replica: folder.recordedDatabase(), log)
    _ = try await datastore.createEntry(entry("/own", "unix:uid:1"))
    let current = try await datastore.listEntries()
    #expect(current.map(\.spiffeID.path) == ["/own"])
    let stale = try await datastore.listEntries(EntryFilter(consistency: .tolerateStale))
    #expect(stale.count == 9)
    await datastore.close()
    let connected = log.lines.filter { $0.message == "Connected to SQL database" }.map { $0.metadata["read_only"] }
    #expect(connected == ["false", "true"])
  }

  @Test func mustExist() async throws {
    let folder = try TemporaryFolder()
    let error = await failure {
      _ = try await open(folder.file("d"), replica: folder.file("none"), RecordingLog())
    }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains(folder.file("none")) == true)
  }
}
