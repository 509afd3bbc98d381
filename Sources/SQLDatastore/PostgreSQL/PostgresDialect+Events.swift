import DatastoreAPI

/// What PostgreSQL tells about event IDs that were skipped (docs/decisions/0004-event-log.md).
extension PostgresDialect {
  /// An `INSERT` locks its table before it takes an ID, and the lock is let go after the commit has become visible: who
  /// does not hold it now has no ID that is still to come. Locks can be seen by everybody.
  private static let writersQuery = """
    SELECT CASE WHEN l.relation = 'registered_entries_events'::regclass THEN 1 ELSE 2 END, \
    l.virtualtransaction || ' pid ' || COALESCE(l.pid, 0)::text FROM pg_locks l \
    WHERE l.locktype = 'relation' AND l.mode = 'RowExclusiveLock' AND l.granted \
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
    AND l.relation IN ('registered_entries_events'::regclass, 'attested_node_entries_events'::regclass)
    """

  /// A sequence from which sessions take IDs in advance says nothing about when they are used.
  private static let sequencesQuery = """
    SELECT COUNT(*) FROM pg_sequence WHERE seqcache = 1 AND seqincrement > 0 AND NOT seqcycle AND seqrelid IN \
    (pg_get_serial_sequence('registered_entries_events', 'id')::regclass, \
    pg_get_serial_sequence('attested_node_entries_events', 'id')::regclass)
    """

  func eventWriters(in connection: any SQLConnection) throws(DatastoreError) -> [EventTable: Set<String>]? {
    do throws(DatastoreError) {
      var sequences: Int64 = 0
      try connection.query(Self.sequencesQuery, []) { (row: any SQLRow) throws(DatastoreError) in
        sequences = row.integer(0)
      }
      guard sequences == 2 else { return nil }
      var writers: [EventTable: Set<String>] = [:]
      try connection.query(Self.writersQuery, []) { (row: any SQLRow) throws(DatastoreError) in
        writers[row.integer(0) == 1 ? .entries : .agents, default: []].insert(row.text(1))
      }
      return writers
    } catch {
      // A database that only speaks PostgreSQL's language may not have these: then time decides.
      guard error.code != .unavailable else { throw error }
      return nil
    }
  }
}
