package import FoundationEssentials
import SPIFFE

/// How updates are made and to whom they go.
extension WorkloadCache {
  /// Whether every entry that matches the group has an SVID that is valid now.
  func isComplete(_ id: Int, now: Date) -> Bool {
    guard let group = groups[id] else { return false }
    return group.matching.allSatisfy { (records[$0]?.svid?.notAfter ?? .distantPast) > now }
  }

  /// The update for workloads that match exactly these entries. Entries without a valid SVID contribute nothing.
  mutating func makeUpdate(of matching: [String], now: Date) -> WorkloadUpdate {
    var identities: [WorkloadIdentity] = []
    var trustDomains: Set<TrustDomain> = []
    for id in matching {
      guard let record = records[id], let svid = record.svid, svid.notAfter > now else { continue }
      identities.append(WorkloadIdentity(entry: record.entry, svid: svid))
      trustDomains.formUnion(record.entry.federatesWith)
    }
    let federated = trustDomains.sorted().compactMap { bundles.federated[$0] }
    let update = WorkloadUpdate(identities: identities, bundle: bundles.own, federatedBundles: federated)
    if let known = shared[matching], known.isEqual(to: update) { return known }
    if shared.count > 2 * groups.count + 64 { shared = [:] }
    shared[matching] = update
    return update
  }

  /// Tells the members of the groups what changed for them.
  ///
  /// A member that has an update gets another one only if it would see a difference. Identities are never taken away
  /// because an SVID is missing for a while: a group that matches entries gets no update without identities.
  ///
  /// - Parameter partially: members that wait are given what there is, as long as that is something.
  mutating func deliver(to ids: some Sequence<Int>, now: Date, partially: Bool = false) -> [Delivery] {
    var deliveries: [Delivery] = []
    for id in ids {
      guard var group = groups[id] else { continue }
      let update = makeUpdate(of: group.matching, now: now)
      if update.identities.isEmpty && !group.matching.isEmpty { continue }
      let told = group.members.subtracting(group.waiting)
      if let current = group.current, current.isEqual(to: update) {
        // Nothing new for those who were told; those who joined late may still wait.
      } else {
        for member in told.sorted() { deliveries.append(Delivery(subscriber: member, update: update)) }
      }
      if !group.waiting.isEmpty, partially || isComplete(id, now: now) {
        for member in group.waiting.sorted() { deliveries.append(Delivery(subscriber: member, update: update)) }
        group.waiting = []
      }
      group.current = update
      groups[id] = group
      touch(group.matching)
    }
    return deliveries
  }

  /// Gives waiting members what they wait for, if it is there.
  ///
  /// - Parameter partially: what there is, after the SVIDs that they wait for could not be had.
  package mutating func releaseWaiting(now: Date, partially: Bool = true) -> [Delivery] {
    deliver(
      to: groups.keys.filter { groups[$0]?.waiting.isEmpty == false }.sorted(), now: now, partially: partially)
  }

  /// The number of subscribers that wait for their first update.
  package var waitingCount: Int { groups.values.reduce(0) { $0 + $1.waiting.count } }
}
