import DatastoreAPI

extension SQLDatastore {
  /// The most rows that one transaction of a pruning task deletes: others write in between.
  static let pruneBatch = 500

  /// Runs `batch`, which deletes at most ``pruneBatch`` rows in one transaction, until it finds fewer. Returns how many
  /// were deleted.
  func pruneInBatches(
    _ batch: () async throws(DatastoreError) -> Int
  ) async throws(DatastoreError) -> Int {
    var count = 0
    while true {
      let deleted = try await batch()
      count += deleted
      if deleted < Self.pruneBatch { return count }
      await Task.yield()
    }
  }
}
