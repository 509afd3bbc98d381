import Daemon
import Synchronization

/// The instances of EKS clusters, a list for each account and region: a cluster of the same name is another one there. A
/// mutex guards the lists, each of which is an actor.
final class ClusterNodes: Sendable {
  private static let lifetime: Duration = .seconds(30)
  /// Lists are kept of this many places.
  private static let maximum = 256

  private let time: any TimeSource
  private let lists = Mutex<[String: MemberCache]>([:])

  init(time: any TimeSource) { self.time = time }

  func list(account: String, region: String) -> MemberCache {
    lists.withLock { lists in
      let place = "\(account)@\(region)"
      if let found = lists[place] { return found }
      if lists.count >= Self.maximum { lists = [:] }
      let made = MemberCache(lifetime: Self.lifetime, time: time)
      lists[place] = made
      return made
    }
  }
}
