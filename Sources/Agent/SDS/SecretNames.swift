/// The names under which an Envoy may ask for what it has without knowing SPIFFE IDs, and the form of its validation
/// contexts (`agent.sds`). A value.
package struct SecretNames: Hashable, Sendable {
  /// `default_svid_name`: the first identity.
  package var svid = "default"
  /// `default_bundle_name`: the bundle of the own trust domain.
  package var bundle = "ROOTCA"
  /// `default_all_bundles_name`: all bundles in one validation context; nil where ``bundle`` has the same name.
  package var allBundles: String? = "ALL"
  /// `disable_spiffe_cert_validation`: plain CA certificates for everybody.
  package var disablesSPIFFEValidation = false

  package init() {}
}
