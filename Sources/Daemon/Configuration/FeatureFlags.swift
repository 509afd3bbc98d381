/// `experimental.feature_flags`: switches for developers.
package enum FeatureFlags {
  private static let witSVID = "wit-svid"

  /// Whether WIT-SVIDs are asked for.
  package static func hasWITSVID(_ flags: [String]?) -> Bool { flags?.contains(witSVID) == true }

  /// Notes unknown flags, and warns of the others.
  package static func check(_ flags: [String], key: String, checks: inout ConfigurationChecks) {
    let known = ["i_am_a_test_flag", witSVID]
    let unknown = flags.filter { !known.contains($0) }
    if !unknown.isEmpty {
      checks.fail(
        "error loading feature flags: unknown feature flag(s): [\(unknown.joined(separator: " "))]", key: key)
    }
    for flag in known where flags.contains(flag) {
      checks.warn("Developer feature flag \"\(flag)\" has been enabled")
    }
  }
}
