import RPC

/// How far the agent has followed a watch stream.
///
/// A value-type state machine that ``Synchronizer`` owns: server's messages go in, what to do with the entries and what
/// to answer come out.
struct WatchProgress: Sendable {
  /// What is to be done with the agent's entries.
  enum Step {
    case nothing
    case apply(WatchChanges)
    case replace(EntrySync)
  }

  /// The instance of the server at the other end; nil while no stream is open.
  private(set) var instance: String?
  /// What the agent may say when it begins another stream.
  private(set) var position: WatchPosition?
  /// The entries may lack something: nothing is confirmed until a comparison says otherwise or they came anew.
  private(set) var isInDoubt = false
  private var listing: (revision: UInt64, sync: EntrySync)?
  /// Changes that came on streams, ever: whoever fetches in another way sees that it was overtaken.
  private(set) var arrivals: UInt64 = 0

  init() {}

  /// Whether the agent has all that the server has told so far, and is told what comes.
  var isCurrent: Bool { instance != nil && position != nil && !isInDoubt }

  /// A stream is opened: where the agent stands.
  mutating func begin() -> WatchPosition? {
    instance = nil
    listing = nil
    return isInDoubt ? nil : position
  }

  mutating func end() {
    instance = nil
    listing = nil
  }

  /// The entries came from elsewhere and are not what they were: no stream can go on from there.
  mutating func doubt() {
    isInDoubt = true
    position = nil
  }

  /// Takes in a message; `digest` gives that of the agent's entries.
  mutating func receive(
    _ message: WatchMessage, entries: [String: AgentEntry]
  ) throws(AgentError) -> (step: Step, answer: WatchRequest?) {
    if case .welcome(let name, let resumed) = message {
      guard instance == nil, !name.isEmpty else { throw Self.unexpected("welcome") }
      instance = name
      if !resumed { doubt() }
      return (.nothing, nil)
    }
    guard let instance else { throw AgentError(.malformed, "the watch stream did not begin with a welcome") }
    switch message {
    case .welcome, .pong: return (.nothing, nil)
    case .changes(let changes):
      guard listing == nil else { throw Self.unexpected("changes in a listing") }
      arrivals += 1
      return (.apply(changes), changes.more ? nil : confirm(changes.revision, instance))
    case .state(let revision, let digest):
      guard Self.digest(of: entries) == digest else {
        doubt()
        return (.nothing, .list)
      }
      isInDoubt = false
      return (.nothing, confirm(revision, instance))
    case .listing(let revision, let answer): return try receive(answer, revision, instance, entries)
    }
  }

  private mutating func receive(
    _ answer: EntrySyncAnswer, _ revision: UInt64, _ instance: String, _ entries: [String: AgentEntry]
  ) throws(AgentError) -> (step: Step, answer: WatchRequest?) {
    // Answers to what is fetched may be newer; what is confirmed is the listing's beginning.
    var (first, sync) = listing ?? (revision, EntrySync(entries: entries))
    switch try sync.receive(answer) {
    case .read: listing = (first, sync)
    case .request(let ids):
      listing = (first, sync)
      return (.nothing, .fetch(ids))
    case .finish:
      listing = nil
      isInDoubt = false
      arrivals += 1
      return (.replace(sync), confirm(first, instance))
    }
    return (.nothing, nil)
  }

  private mutating func confirm(_ revision: UInt64, _ instance: String) -> WatchRequest? {
    if isInDoubt { return nil }
    position = WatchPosition(instance: instance, revision: revision)
    return .applied(revision)
  }

  private static func digest(of entries: [String: AgentEntry]) -> [UInt8] {
    var digest = StateDigest()
    for entry in entries.values {
      digest.add(id: entry.id, revision: entry.revisionNumber, createdAt: entry.createdAt)
    }
    return digest.bytes
  }

  private static func unexpected(_ what: String) -> AgentError {
    AgentError(.malformed, "unexpected on the watch stream: \(what)")
  }
}
