package import Daemon
package import DatastoreAPI
import FoundationEssentials
import GRPCCore
import Logging
package import RPC
package import SPIFFE
import SPIREProtos
import SwiftProtobuf

/// Answers who a caller is: administrator, downstream server, or agent in force (server-behaviour §5.4, §6.3).
///
/// Asked for every call, since connections outlive rotations, bans and expiry. Whom the models in memory know is let in
/// without a question to the datastore; they have every commit of this process. Nobody is refused before the datastore
/// was asked too: another server may have attested the agent a moment ago. Keeps nothing.
package struct ServerAuthorizer: CallAuthorizer {
  private typealias Reason = Spire_Api_Types_PermissionDeniedDetails.Reason

  private let adminIDs: Set<SPIFFEID>
  private let entries: EntryModelKeeper
  private let datastore: any Datastore
  private let time: any TimeSource

  package init(
    adminIDs: Set<SPIFFEID>, entries: EntryModelKeeper, datastore: any Datastore, time: any TimeSource
  ) {
    self.adminIDs = adminIDs
    self.entries = entries
    self.datastore = datastore
    self.time = time
  }

  package func adminGrant(for id: SPIFFEID) async throws -> AdminGrant? {
    if adminIDs.contains(id) { return .config }
    if entries.read({ $0.isAdmin(id) }) { return .entries }
    return try await entries(of: id).contains(where: \.admin) ? .entries : nil
  }

  package func isDownstream(_ id: SPIFFEID) async throws -> Bool {
    if entries.read({ $0.isDownstream(id) }) { return true }
    return try await entries(of: id).contains(where: \.downstream)
  }

  private func entries(of id: SPIFFEID) async throws -> [RegistrationEntry] {
    do {
      return try await datastore.listEntries(EntryFilter(spiffeID: id))
    } catch {
      throw RPCFailure(error.lookUpCode, "unable to look up entries of the caller: \(error.message)", cause: error)
    }
  }

  package func authorizeAgent(_ svid: VerifiedX509SVID, call: CallContext) async throws {
    let id = svid.id
    let presented = X509Certificates.serialNumber(of: svid.leaf)
    func denied(_ line: String, _ reason: Reason, _ text: String) -> RPCFailure {
      call.logger.error("\(line)", metadata: ["agent_id": "\(id)"])
      return RPCFailure(
        .permissionDenied, text, details: [Spire_Api_Types_PermissionDeniedDetails.with { $0.reason = reason }])
    }
    guard time.now <= svid.expiresAt else {
      throw denied("Agent SVID is expired", .agentExpired, "agent \"\(id)\" SVID is expired")
    }
    let known = entries.agent(id)
    if let known, !known.isBanned, known.serialNumber == presented { return }
    let found: AttestedNode?
    do {
      found = try await lookUp(id, call)
    } catch let failure as RPCFailure where failure.code == .unavailable {
      // Renewed before the datastore went away, and used now for the first time: it becomes the current one later.
      if let known, !known.isBanned, !presented.isEmpty, known.newSerialNumber == presented { return }
      throw failure
    }
    guard let node = found else {
      throw denied("Agent is not attested", .agentNotAttested, "agent \"\(id)\" is not attested")
    }
    guard !node.isBanned else {
      throw denied("Agent is banned", .agentBanned, "agent \"\(id)\" is banned")
    }
    if presented == node.serialNumber { return }
    if !node.newSerialNumber.isEmpty, presented == node.newSerialNumber,
      try await activate(presented, of: id, call) != nil
    {
      return
    }
    // Another call of this agent may have activated the SVID between our two looks.
    if try await lookUp(id, call)?.serialNumber == presented { return }
    throw denied(
      "Agent SVID is not active", .agentNotActive,
      "agent \"\(id)\" expected to have serial number \"\(node.serialNumber)\"; has \"\(presented)\"")
  }

  private func lookUp(_ id: SPIFFEID, _ call: CallContext) async throws -> AttestedNode? {
    do {
      return try await datastore.fetchAgent(id: id)
    } catch {
      call.logger.error("Unable to look up agent information", metadata: ["error": "\(error)"])
      throw RPCFailure(error.lookUpCode, "unable to look up agent information: \(error.message)", cause: error)
    }
  }

  /// The agent uses its renewed SVID for the first time: from now on it is the current one and the old one is not.
  /// A ban that came since we looked wins.
  private func activate(_ serialNumber: String, of id: SPIFFEID, _ call: CallContext) async throws -> AttestedNode? {
    do {
      return try await datastore.activateRenewedSVID(serialNumber: serialNumber, of: id)
    } catch {
      call.logger.warning("Unable to activate the new agent SVID", metadata: ["error": "\(error)"])
      throw RPCFailure(error.lookUpCode, "unable to activate the new agent SVID: \(error.message)", cause: error)
    }
  }
}

extension DatastoreError {
  /// The code of a call that fails because nobody can say who the caller is: UNAVAILABLE while the datastore is away, so
  /// that callers try again; upstream says INTERNAL always.
  fileprivate var lookUpCode: RPCError.Code { code == .unavailable ? .unavailable : .internalError }
}
