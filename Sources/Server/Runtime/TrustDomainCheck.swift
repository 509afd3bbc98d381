import DatastoreAPI
import Logging
import SPIFFE

/// Before the server signs anything: does the datastore belong to the trust domain that is configured?
struct TrustDomainCheck {
  let trustDomain: TrustDomain
  let datastore: any Datastore
  let logger: Logger

  /// Refuses entries of another trust domain; agents of another one are only worth a warning.
  func run() async throws {
    let entry = try await datastore.listEntries(.all, page: Page(size: 1)).items.first
    if let entry, entry.spiffeID.trustDomain != trustDomain {
      throw ServerError(
        .wrongTrustDomain,
        "a registration entry with trust domain '\(entry.spiffeID.trustDomain)' has been detected, but the configured "
          + "trust domain is '\(trustDomain)'; configure the first one, or delete all entries to change it")
    }
    let agent = try await datastore.listAgents(.all, page: Page(size: 1), withSelectors: false).items.first
    if let agent, agent.id.trustDomain != trustDomain {
      logger.warning(
        "An attested node with trust domain '\(agent.id.trustDomain)' has been detected; it cannot be served under the configured trust domain '\(trustDomain)'"
      )
    }
  }
}
