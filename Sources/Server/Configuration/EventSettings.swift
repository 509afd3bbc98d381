/// The intervals of `server.experimental`: how the changes of other servers on the same database are followed.
package struct EventSettings: Hashable, Sendable {
  /// `cache_reload_interval`: how often the event tables are looked at. Nil: as often as suits the database.
  package var pollInterval: Duration?
  /// `full_cache_reload_interval`: how often everything is read again.
  package var reloadInterval = Duration.seconds(24 * 3600)
  /// `event_timeout`: how long a skipped event ID is waited for, where the database cannot tell.
  package var timeout = Duration.seconds(15 * 60)
  /// `prune_events_older_than`.
  package var pruneOlderThan = Duration.seconds(12 * 3600)

  /// How long events are kept: all must have been seen by everybody, however late they were committed.
  package var lifetime: Duration { max(pruneOlderThan, timeout) }

  package init() {}
}
