package import Console
package import WorkloadProtos

extension WorkloadX509SVIDResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["svids": svids, "crl": crl, "federated_bundles": federatedBundles]
  }
}

extension WorkloadX509SVID: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    [
      "spiffe_id": spiffeID, "x509_svid": x509Svid, "x509_svid_key": x509SvidKey, "bundle": bundle, "hint": hint,
    ]
  }
}

extension WorkloadJWTSVIDResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["svids": svids] }
}

extension WorkloadJWTSVID: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["spiffe_id": spiffeID, "svid": svid, "hint": hint] }
}

extension WorkloadJWTBundlesResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["bundles": bundles] }
}

extension WorkloadValidateJWTSVIDResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["spiffe_id": spiffeID, "claims": hasClaims ? claims : nil] }
}
