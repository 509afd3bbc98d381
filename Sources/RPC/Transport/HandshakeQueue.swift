/// Which connections may do their TLS handshake now: so many at a time, the others in turns of their sources, so that one
/// address with thousands of connections does not keep the others waiting. A value without I/O; ``HandshakeGate`` owns it.
struct HandshakeQueue: Sendable {
  let limit: Int
  private var running: Set<UInt64> = []
  /// Those who wait, and from where they come.
  private var waiting: [UInt64: String] = [:]
  /// The order in which those of a source came; some may have gone since.
  private var lines: [String: ArraySlice<UInt64>] = [:]
  /// The sources in the order of their next turn, each once.
  private var turns: ArraySlice<String> = []

  init(limit: Int) { self.limit = max(1, limit) }

  var runningCount: Int { running.count }
  var waitingCount: Int { waiting.count }

  /// A connection wants to begin. Returns whether it may now; else it waits.
  mutating func enter(_ id: UInt64, from source: String) -> Bool {
    if running.count < limit, waiting.isEmpty {
      running.insert(id)
      return true
    }
    waiting[id] = source
    if lines[source] == nil { turns.append(source) }
    lines[source, default: []].append(id)
    return false
  }

  /// A connection is done, or has gone. Returns those that may begin now.
  mutating func leave(_ id: UInt64) -> [UInt64] {
    waiting[id] = nil
    guard running.remove(id) != nil else { return [] }
    var begun: [UInt64] = []
    while running.count < limit, let next = next() {
      running.insert(next)
      begun.append(next)
    }
    return begun
  }

  private mutating func next() -> UInt64? {
    while let source = turns.popFirst() {
      guard var line = lines[source] else { continue }
      while let id = line.popFirst() {
        guard waiting.removeValue(forKey: id) != nil else { continue }
        if line.isEmpty {
          lines[source] = nil
        } else {
          lines[source] = line
          turns.append(source)
        }
        return id
      }
      lines[source] = nil
    }
    return nil
  }
}
