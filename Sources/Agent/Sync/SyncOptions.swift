/// The settings of the manager. A value.
package struct SyncOptions: Sendable {
  /// `sync_interval`.
  package var interval: Duration = .seconds(5)
  /// `use_sync_authorized_entries`; false asks for all entries each time.
  package var usesEntrySync = true
  /// The time for one sync's entries and bundles together.
  package var timeout: Duration = .seconds(30)

  /// How often the agent polls while the server tells it of changes at once.
  package var watchedInterval: Duration { max(interval, min(interval * 12, .seconds(300))) }

  package init(interval: Duration = .seconds(5), usesEntrySync: Bool = true) {
    self.interval = interval
    self.usesEntrySync = usesEntrySync
  }
}
