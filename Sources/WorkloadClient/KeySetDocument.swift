import Daemon
package import SPIFFE

/// Reads the JWK Set of a JWT bundle (SPIFFE Workload API §6.2): keys alone, whatever else their members say.
package enum KeySetDocument {
  /// - Throws: ``WorkloadClientError`` with code `malformed`; one key that cannot be read refuses the set, so that none goes missing
  ///   unnoticed.
  package static func keys(_ bytes: [UInt8]) throws(WorkloadClientError) -> [JWTAuthority] {
    func malformed(_ reason: String) -> WorkloadClientError {
      WorkloadClientError(.malformed, "the JWT bundle cannot be read: \(reason)")
    }
    let document: JSONValue
    do {
      document = try JSONValue(
        parsing: bytes,
        limits: JSONLimits(maximumBytes: BundleDocument.maximumSize, maximumDepth: 16, rejectsDuplicates: true))
    } catch { throw malformed("\(error)") }
    guard let entries = document["keys"]?.array else { throw malformed("keys is not an array") }
    var keys: [JWTAuthority] = []
    for (index, entry) in entries.enumerated() {
      guard let object = entry.object else { throw malformed("key \(index) is not an object") }
      let key: JSONWebKey
      do { key = try JSONWebKey(object) } catch { throw malformed("key \(index): \(error)") }
      keys.append(JWTAuthority(publicKey: key.key.pkix, keyID: key.keyID ?? ""))
    }
    return keys
  }
}
