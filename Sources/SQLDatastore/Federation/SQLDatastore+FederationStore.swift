package import DatastoreAPI
package import SPIFFE

extension SQLDatastore: FederationStore {
  package func createFederationRelationship(
    _ relationship: FederationRelationship
  ) async throws(DatastoreError) -> FederationRelationship {
    try await write(["federation_relationship", "create"]) { (transaction) throws(DatastoreError) in
      try transaction.check(relationship)
      try transaction.insertFederationRelationship(relationship)
      if let bundle = relationship.bundle { try transaction.setBundle(bundle) }
      return relationship
    }
  }

  package func fetchFederationRelationship(
    with trustDomain: TrustDomain
  ) async throws(DatastoreError) -> FederationRelationship? {
    try await read(["federation_relationship", "fetch"]) { (transaction) throws(DatastoreError) in
      try transaction.selectFederationRelationship(with: trustDomain)
    }
  }

  package func listFederationRelationships(
    page: Page?
  ) async throws(DatastoreError) -> Listing<FederationRelationship> {
    try await read(["federation_relationship", "list"]) { (transaction) throws(DatastoreError) in
      var condition = SQLCondition()
      let reader = try PageReader(page, column: "id", condition: &condition)
      let (items, last) = try transaction.selectFederationRelationships(
        condition, limit: reader.limit, limitArguments: reader.limitArguments)
      return Listing(items, nextToken: reader.token(lastRow: last))
    }
  }

  package func updateFederationRelationship(
    _ relationship: FederationRelationship, mask: FederationRelationshipMask
  ) async throws(DatastoreError) -> FederationRelationship {
    try await write(["federation_relationship", "update"]) { (transaction) throws(DatastoreError) in
      guard var stored = try transaction.selectFederationRelationship(with: relationship.trustDomain, lock: true)
      else {
        throw DatastoreError(.notFound, "unable to fetch federation relationship: record not found")
      }
      if mask.contains(.bundleEndpointURL) { stored.bundleEndpointURL = relationship.bundleEndpointURL }
      if mask.contains(.profile) { stored.profile = relationship.profile }
      if mask.contains(.bundle), let bundle = relationship.bundle {
        stored.bundle = bundle
      }
      try transaction.check(stored)
      guard try transaction.updateFederationRelationship(stored) else { throw .recordNotFound }
      if mask.contains(.bundle), let bundle = relationship.bundle { try transaction.setBundle(bundle) }
      return stored
    }
  }

  package func deleteFederationRelationship(with trustDomain: TrustDomain) async throws(DatastoreError) {
    try await write(["federation_relationship", "delete"]) { (transaction) throws(DatastoreError) in
      guard try transaction.deleteFederationRelationship(with: trustDomain) else { throw .recordNotFound }
    }
  }

  package func setFetchedBundle(_ bundle: Bundle) async throws(DatastoreError) -> UInt64? {
    try await write(["bundle", "set"]) { (transaction) throws(DatastoreError) in
      let stored = try transaction.selectBundle(of: bundle.trustDomain, forUpdate: true)?.bundle.sequenceNumber ?? 0
      guard bundle.sequenceNumber == 0 || stored <= bundle.sequenceNumber else { return stored }
      try transaction.setBundle(bundle)
      return nil
    }
  }
}

extension SQLTransaction {
  fileprivate func selectFederationRelationship(
    with trustDomain: TrustDomain, lock: Bool = false
  ) throws(DatastoreError) -> FederationRelationship? {
    var condition = SQLCondition()
    condition.and("trust_domain = ?", [.text(trustDomain.name)])
    return try selectFederationRelationships(condition, lock: lock).items.first
  }

  fileprivate func check(_ relationship: FederationRelationship) throws(DatastoreError) {
    guard !relationship.bundleEndpointURL.isEmpty else {
      throw DatastoreError(.invalidArgument, "bundle endpoint URL is required")
    }
    guard relationship.bundle.map({ $0.trustDomain == relationship.trustDomain }) ?? true else {
      throw DatastoreError(
        .invalidArgument, "the bundle is not one of trust domain \"\(relationship.trustDomain)\"")
    }
  }
}
