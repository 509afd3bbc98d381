/// What holds where a configuration names nothing else.
package enum ACMEDefaults {
  /// Let's Encrypt.
  package static let directoryURL = "https://acme-v02.api.letsencrypt.org/directory"
}
