/// Finds out which node calls: the server's plugin kind NodeAttestor (server-plugins §1.2).
///
/// The plugin `join_token` has nothing to do: tokens are taken out of the datastore by AttestAgent itself.
package protocol NodeAttestor: Sendable {
  /// The plugin's name, which is also the attestation type on the wire.
  var name: String { get }
}
