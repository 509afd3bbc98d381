import Daemon
import Glibc
import Synchronization

/// Names of users and groups, kept for a short while: a lookup may ask the network and must not run on an event loop.
///
/// What was learned holds while the host's account files are unchanged, and for at most ``lifetime``, as names may also
/// come from elsewhere. A lock isolates it; it is emptied when it grows beyond ``limit``.
final class AccountNameCache: Sendable {
  static let lifetime: Duration = .seconds(5)
  private static let limit = 4096

  private struct State {
    /// The files that name accounts; nil for one that is not there.
    var stamp: [FileStatus?]
    var since: ContinuousClock.Instant
    var users: [UInt32: String?] = [:]
    var groups: [UInt32: String?] = [:]
    /// Changes when everything is forgotten, so that what was looked up before does not come in afterwards.
    var generation: UInt64 = 0
  }

  /// The names that one process needs.
  struct Names: Sendable {
    var user: String?
    var group: String?
    var supplementary: [String?]
  }

  private let paths: [String]
  private let now: @Sendable () -> ContinuousClock.Instant
  private let state: Mutex<State>

  init(
    paths: [String] = ["/etc/passwd", "/etc/group", "/etc/nsswitch.conf"],
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) {
    self.paths = paths
    self.now = now
    state = Mutex(State(stamp: Self.stamp(paths), since: now()))
  }

  private static func stamp(_ paths: [String]) -> [FileStatus?] { paths.map { try? FileStatus($0) } }

  /// The names if all of them are known; does not block.
  func known(_ status: ProcessStatus) -> Names? {
    let stamp = Self.stamp(paths)
    let now = now()
    return state.withLock { state in
      if state.stamp != stamp || state.since.duration(to: now) > Self.lifetime {
        let generation = state.generation + 1
        state = State(stamp: stamp, since: now, generation: generation)
        return nil
      }
      guard let user = state.users[status.uid], let group = state.groups[status.gid] else { return nil }
      var supplementary: [String?] = []
      for gid in status.groups {
        guard let name = state.groups[gid] else { return nil }
        supplementary.append(name)
      }
      return Names(user: user, group: group, supplementary: supplementary)
    }
  }

  /// Looks the names up; may block.
  func lookUp(_ status: ProcessStatus) -> Names {
    let generation = state.withLock { $0.generation }
    let names = Names(
      user: AccountNames.user(status.uid), group: AccountNames.group(status.gid),
      supplementary: status.groups.map(AccountNames.group))
    state.withLock { state in
      guard state.generation == generation else { return }
      if state.users.count + state.groups.count > Self.limit {
        state.users = [:]
        state.groups = [:]
      }
      state.users.updateValue(names.user, forKey: status.uid)
      state.groups.updateValue(names.group, forKey: status.gid)
      for (gid, name) in zip(status.groups, names.supplementary) { state.groups.updateValue(name, forKey: gid) }
    }
    return names
  }
}
