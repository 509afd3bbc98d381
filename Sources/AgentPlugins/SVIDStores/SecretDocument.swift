import SPIFFE
package import SVIDFiles

/// The JSON document that every store can keep an X509-SVID as (agent-plugins §11): PEM texts under upstream's keys, empty
/// members left out.
package enum SecretDocument {
  package static func encode(_ svid: X509Material) -> [UInt8] {
    var members: [JSONObject.Member] = []
    func add(_ name: String, _ text: String) {
      if !text.isEmpty { members.append(.init(name: name, value: .string(text))) }
    }
    add("spiffeID", svid.id.description)
    add("x509SVID", pem(svid.chain))
    add("x509SVIDKey", PEM.encode(svid.privateKey, type: "PRIVATE KEY"))
    add("bundle", pem(svid.bundle))
    let federated = svid.federatedBundles.sorted { $0.key < $1.key }.map { domain, bundle in
      JSONObject.Member(name: domain.idString, value: .string(pem(bundle)))
    }
    if !federated.isEmpty {
      members.append(.init(name: "federatedBundles", value: .object(JSONObject(federated))))
    }
    return JSONValue.object(JSONObject(members)).encoded()
  }

  private static func pem(_ certificates: [[UInt8]]) -> String {
    certificates.map { PEM.encode($0, type: "CERTIFICATE") }.joined()
  }
}
