package import Authority
package import DatastoreAPI
package import FoundationEssentials
package import SPIFFE
import Synchronization

/// What agents asked of this server since it started: their last sync, and the last X.509-SVID for each entry.
///
/// API methods write it as they answer, the Explain service reads it. Only agents in force get here, so the agents bound
/// it; what is used least is forgotten above a limit. Kept in memory only. A mutex guards it.
package final class AgentActivity: Sendable {
  /// When an agent was last told its entries, and how many.
  package struct Sync: Hashable, Sendable {
    package let at: Date
    package let entries: Int
  }

  /// An X.509-SVID that an agent was given for an entry.
  package struct Issued: Hashable, Sendable {
    package let at: Date
    /// Unix seconds.
    package let expiresAt: Int64
    package let serialNumber: String
    /// Of the entry, when the SVID was signed.
    package let revisionNumber: Int64
  }

  private struct Subject: Hashable {
    let agent: SPIFFEID
    let entryID: String
  }

  private struct State {
    var syncs: RecentValues<SPIFFEID, Sync>
    var issued: RecentValues<Subject, Issued>
  }

  private let state: Mutex<State>

  /// - Parameters:
  ///   - agents: of how many agents the last sync is remembered at least.
  ///   - svids: how many SVIDs are remembered at least; twice as many at most.
  package init(agents: Int = 50_000, svids: Int = 10_000) {
    state = Mutex(State(syncs: RecentValues(capacity: agents), issued: RecentValues(capacity: svids)))
  }

  /// `agent` was told its entries.
  package func synced(_ agent: SPIFFEID, entries: Int, at now: Date) {
    state.withLock { $0.syncs[agent] = Sync(at: now, entries: entries) }
  }

  /// `agent` confirmed what it was told on its watch stream.
  package func confirmed(_ agent: SPIFFEID, at now: Date) {
    state.withLock { state in
      guard let sync = state.syncs[agent] else { return }
      state.syncs[agent] = Sync(at: now, entries: sync.entries)
    }
  }

  /// `agent` was given an X.509-SVID for `entry`.
  package func signed(_ svid: IssuedX509SVID, for entry: RegistrationEntry, agent: SPIFFEID, at now: Date) {
    let issued = Issued(
      at: now, expiresAt: svid.expiresAt, serialNumber: svid.serialNumber, revisionNumber: entry.revisionNumber)
    state.withLock { $0.issued[Subject(agent: agent, entryID: entry.id)] = issued }
  }

  package func lastSync(of agent: SPIFFEID) -> Sync? { state.withLock { $0.syncs[agent] } }

  package func lastSVID(of agent: SPIFFEID, entryID: String) -> Issued? {
    state.withLock { $0.issued[Subject(agent: agent, entryID: entryID)] }
  }
}
