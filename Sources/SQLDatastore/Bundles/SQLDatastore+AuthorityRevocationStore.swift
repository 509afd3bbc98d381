package import DatastoreAPI
package import SPIFFE

extension SQLDatastore: AuthorityRevocationStore {
  package func taintX509Authority(
    subjectKeyID: String, of trustDomain: TrustDomain
  ) async throws(DatastoreError) {
    try await write(["bundle", "x509", "taint"]) { (transaction) throws(DatastoreError) in
      try transaction.changeBundle(of: trustDomain) { (bundle: inout Bundle) throws(DatastoreError) in
        try bundle.taintX509Authority(subjectKeyID: subjectKeyID)
      }
    }
  }

  package func revokeX509Authority(
    subjectKeyID: String, of trustDomain: TrustDomain
  ) async throws(DatastoreError) {
    try await write(["bundle", "x509", "revoke"]) { (transaction) throws(DatastoreError) in
      try transaction.changeBundle(of: trustDomain) { (bundle: inout Bundle) throws(DatastoreError) in
        try bundle.revokeX509Authority(subjectKeyID: subjectKeyID)
      }
    }
  }

  package func taintJWTAuthority(
    keyID: String, of trustDomain: TrustDomain
  ) async throws(DatastoreError) -> JWTAuthority {
    try await change(keyID, of: trustDomain, ["bundle", "jwt", "taint"]) { (bundle, id) throws(DatastoreError) in
      try bundle.taint(id, in: .jwt)
    }
  }

  package func revokeJWTAuthority(
    keyID: String, of trustDomain: TrustDomain
  ) async throws(DatastoreError) -> JWTAuthority {
    try await change(keyID, of: trustDomain, ["bundle", "jwt", "revoke"]) { (bundle, id) throws(DatastoreError) in
      try bundle.revoke(id, from: .jwt)
    }
  }

  package func taintWITAuthority(
    keyID: String, of trustDomain: TrustDomain
  ) async throws(DatastoreError) -> JWTAuthority {
    try await change(keyID, of: trustDomain, ["bundle", "wit", "taint"]) { (bundle, id) throws(DatastoreError) in
      try bundle.taint(id, in: .wit)
    }
  }

  package func revokeWITAuthority(
    keyID: String, of trustDomain: TrustDomain
  ) async throws(DatastoreError) -> JWTAuthority {
    try await change(keyID, of: trustDomain, ["bundle", "wit", "revoke"]) { (bundle, id) throws(DatastoreError) in
      try bundle.revoke(id, from: .wit)
    }
  }

  private func change(
    _ keyID: String, of trustDomain: TrustDomain, _ metric: [String],
    _ body: @escaping @Sendable (inout Bundle, String) throws(DatastoreError) -> JWTAuthority
  ) async throws(DatastoreError) -> JWTAuthority {
    try await write(metric) { (transaction) throws(DatastoreError) in
      try transaction.changeBundle(of: trustDomain) { (bundle: inout Bundle) throws(DatastoreError) in
        try body(&bundle, keyID)
      }
    }
  }
}
