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
    try await write(["bundle", "jwt", "taint"]) { (transaction) throws(DatastoreError) in
      try transaction.changeBundle(of: trustDomain) { (bundle: inout Bundle) throws(DatastoreError) in
        try bundle.taintJWTAuthority(keyID: keyID)
      }
    }
  }

  package func revokeJWTAuthority(
    keyID: String, of trustDomain: TrustDomain
  ) async throws(DatastoreError) -> JWTAuthority {
    try await write(["bundle", "jwt", "revoke"]) { (transaction) throws(DatastoreError) in
      try transaction.changeBundle(of: trustDomain) { (bundle: inout Bundle) throws(DatastoreError) in
        try bundle.revokeJWTAuthority(keyID: keyID)
      }
    }
  }
}
