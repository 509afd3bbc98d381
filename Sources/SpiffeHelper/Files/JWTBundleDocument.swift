import Daemon
import FoundationEssentials
import SPIFFE
import SVIDFiles
import WorkloadClient
import WorkloadProtos

/// The file with JWT bundles: a JSON object with a JWK Set per trust domain, in base64 as upstream writes it. Pure.
enum JWTBundleDocument {
  static func encode(_ response: WorkloadJWTBundlesResponse) throws -> [UInt8] {
    var members: [JSONObject.Member] = []
    for (name, keys) in response.bundles.sorted(by: { $0.key < $1.key }) {
      let domain = try TrustDomain(name)
      do { _ = try KeySetDocument.keys([UInt8](keys)) } catch {
        throw HelperError(.unusable, "trust domain \(domain): \(error)", cause: error)
      }
      members.append(.init(name: domain.name, value: .string(Base64.encode([UInt8](keys)))))
    }
    return JSONValue.object(JSONObject(members)).encoded()
  }
}
