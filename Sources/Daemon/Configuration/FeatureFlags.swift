/// `experimental.feature_flags`: switches for developers.
package enum FeatureFlags {
  /// Notes unknown flags, refuses `wit-svid` (the row `unsupported`), and warns of the one that is there.
  package static func check(
    _ flags: [String], key: String, unsupported: UnsupportedKey, checks: inout ConfigurationChecks
  ) {
    let known = ["i_am_a_test_flag", "wit-svid"]
    let unknown = flags.filter { !known.contains($0) }
    if !unknown.isEmpty {
      checks.fail(
        "error loading feature flags: unknown feature flag(s): [\(unknown.joined(separator: " "))]", key: key)
    }
    if flags.contains("wit-svid") { checks.fail(unsupported.message, key: key, code: .unsupported) }
    if flags.contains("i_am_a_test_flag") {
      checks.warn("Developer feature flag \"i_am_a_test_flag\" has been enabled")
    }
  }
}
