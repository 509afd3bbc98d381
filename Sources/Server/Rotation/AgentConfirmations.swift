package import FoundationEssentials
package import SPIFFE
import Synchronization

/// Which bundle of this trust domain each agent of this server has, and what agents say about SVIDs of tainted
/// authorities.
///
/// Agents on a watch stream confirm what they were sent; of those that poll, the bundle counts that they were given last.
/// Of the bundles, the last few are remembered with their authorities; an agent has the number of one: some twenty bytes.
/// API methods write it, ``RollCall`` reads it and has those forgotten that are no agents any more. A mutex guards it.
package final class AgentConfirmations: Sendable {
  /// Different bundles that are remembered; whoever has an older one has confirmed nothing.
  private static let depth = 32

  private struct Record {
    var bundle: UInt32 = 0
    /// Unix seconds.
    var heardAt: UInt32 = 0
    /// SVIDs of tainted authorities that the agent still has; nil when it does not say.
    var tainted: UInt16?
  }

  private struct State {
    var records: [AgentMark: Record] = [:]
    var bundles: [(number: UInt32, bundle: Bundle, contents: BundleContents)] = []
    var last: UInt32 = 0
  }
  private let state = Mutex(State())

  package init() {}

  package var count: Int { state.withLock { $0.records.count } }

  // MARK: What agents do

  /// The number that stands for a bundle from now on.
  func number(of bundle: Bundle) -> UInt32 {
    let known = state.withLock { state in state.bundles.last { $0.bundle == bundle }?.number }
    if let known { return known }
    let contents = BundleContents(bundle)
    return state.withLock { state in
      if let known = state.bundles.last(where: { $0.bundle == bundle }) { return known.number }
      state.last += 1
      state.bundles.append((state.last, bundle, contents))
      if state.bundles.count > Self.depth { state.bundles.removeFirst() }
      return state.last
    }
  }

  /// The agent asked for the bundle and was given this one.
  package func given(_ bundle: Bundle, to agent: SPIFFEID, at now: Date) {
    let number = number(of: bundle)
    change(agent, now) { $0.bundle = number }
  }

  /// The agent says that it has applied a bundle that it was sent.
  func confirmed(_ number: UInt32, by agent: SPIFFEID, at now: Date) {
    change(agent, now) { if number > 0 { $0.bundle = number } }
  }

  /// The agent is there.
  func heard(_ agent: SPIFFEID, at now: Date) { change(agent, now) { _ in } }

  /// The agent says how many SVIDs of tainted authorities it has; nil: it has just begun to speak.
  func reported(_ tainted: UInt32?, by agent: SPIFFEID, at now: Date) {
    change(agent, now) { $0.tainted = tainted.map { UInt16(clamping: $0) } }
  }

  private func change(_ agent: SPIFFEID, _ now: Date, _ body: (inout Record) -> Void) {
    let mark = AgentMark(agent)
    let seconds = UInt32(clamping: Int64(now.timeIntervalSince1970))
    state.withLock { state in
      body(&state.records[mark, default: Record()])
      state.records[mark]?.heardAt = seconds
    }
  }

  // MARK: What is asked

  /// The agents that have confirmed it, and of the others when each was heard last, Unix seconds.
  func answer(_ question: AuthorityQuestion) -> (confirmed: Set<AgentMark>, others: [AgentMark: UInt32]) {
    state.withLock { state in
      let numbers = Set(state.bundles.lazy.filter { $0.contents.says(question) }.map { $0.number })
      var (confirmed, others): (Set<AgentMark>, [AgentMark: UInt32]) = ([], [:])
      for (mark, record) in state.records {
        if numbers.contains(record.bundle), question.what != .replaced || record.tainted == 0 {
          confirmed.insert(mark)
        } else {
          others[mark] = record.heardAt
        }
      }
      return (confirmed, others)
    }
  }

  /// Forgets all agents but these.
  func keep(only marks: Set<AgentMark>) {
    state.withLock { state in state.records = state.records.filter { marks.contains($0.key) } }
  }
}
