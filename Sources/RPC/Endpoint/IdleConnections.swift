/// The connections of an endpoint that keep it waiting: nothing came, the handshake has stalled, or it is done without a
/// certificate and there is no call. There may be so many of each owner, and so many in all; with one more, the one that
/// has waited longest has to go, so that whoever comes next gets its turn. A value without I/O; ``ConnectionRegistry`` owns it.
struct IdleConnections: Sendable {
  typealias Owner = ConnectionRegistry.Owner

  /// Connections in the order in which they became idle.
  private struct Line: Sendable {
    private var order: ArraySlice<(id: UInt64, ticket: UInt64)> = []
    /// Those who are still in the line, and with which ticket: who comes back stands at its end.
    private var tickets: [UInt64: UInt64] = [:]
    private var last: UInt64 = 0

    var count: Int { tickets.count }

    mutating func add(_ id: UInt64) {
      last += 1
      tickets[id] = last
      order.append((id, last))
      // Most leave the line soon: their tickets are thrown away now and then.
      if order.count > 2 * count + 32 { order = order.filter { tickets[$0.id] == $0.ticket }[...] }
    }

    mutating func remove(_ id: UInt64) { tickets[id] = nil }

    mutating func takeFirst() -> UInt64? {
      while let first = order.popFirst() {
        if tickets[first.id] == first.ticket {
          tickets[first.id] = nil
          return first.id
        }
      }
      return nil
    }
  }

  private let most: Int
  private let mostOfOwner: Int
  private var all = Line()
  private var lines: [Owner: Line] = [:]
  private var owners: [UInt64: Owner] = [:]

  init(most: Int, mostOfOwner: Int) {
    self.most = most
    self.mostOfOwner = mostOfOwner
  }

  var count: Int { all.count }

  /// A connection has nothing more to say, for now. Returns those that have to go for it.
  mutating func add(_ id: UInt64, of owner: Owner?) -> [UInt64] {
    var surplus: [UInt64] = []
    all.add(id)
    if let owner {
      owners[id] = owner
      lines[owner, default: Line()].add(id)
      if let count = lines[owner]?.count, count > mostOfOwner, let first = lines[owner]?.takeFirst() {
        remove(first)
        surplus.append(first)
      }
    }
    if all.count > most, let first = all.takeFirst() {
      remove(first)
      surplus.append(first)
    }
    return surplus
  }

  /// A connection goes on, or is gone.
  mutating func remove(_ id: UInt64) {
    all.remove(id)
    guard let owner = owners.removeValue(forKey: id) else { return }
    lines[owner]?.remove(id)
    if lines[owner]?.count == 0 { lines[owner] = nil }
  }
}
