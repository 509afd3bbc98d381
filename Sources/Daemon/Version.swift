/// What this build calls itself.
package enum Version {
  /// The version of upstream's interfaces that we present: `--version`, PostStatus, the datastore's code version
  /// (docs/decisions/0001).
  package static let upstream = "1.15.3"
  /// Our own version: `spire version` and the start-up log.
  package static let own = "0.1.0"
}
