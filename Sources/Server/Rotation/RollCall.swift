package import Authority
package import Daemon
package import DatastoreAPI
import FoundationEssentials
package import Logging
package import SPIFFE
import SPIREProtos
import ServiceLifecycle
import SwiftProtobuf
import Synchronization

/// Finds out which agents and servers have heard of an authority, wherever agents are connected (decision 5).
///
/// What this server's own agents have is in ``AgentConfirmations``. Servers on one database ask and answer each other
/// through notes: rows of their own in `ca_journals`, written only while somebody asks. The Rotation service and the
/// activation of authorities ask; ``run()`` is its life as a service. A mutex guards the state and is not held while the
/// datastore is asked.
package final class RollCall: Service {
  /// How often the notes are looked at, and while somebody asks.
  private static let idle = Duration.seconds(2)
  private static let busy = Duration.milliseconds(500)
  /// For how long a question counts after it was asked last.
  private static let memory = Duration.seconds(60)
  /// How often a note that says the same is written again, and when one that stays the same is of a server that has gone.
  private static let beat = Duration.seconds(5)
  private static let death = Duration.seconds(30)
  /// How long servers that say nothing are waited for.
  private static let patience = Duration.seconds(5)
  /// How often agents that are gone are forgotten.
  private static let sweeping = Duration.seconds(60)
  /// Agents that a note names as missing, at most.
  private static let listLimit = 1000
  private static let prefix = "swift-spire/"

  private struct Asked {
    let id: String
    let since: Duration
    var until: Duration
  }

  private struct Peer {
    var note: RollCallNote
    var changedAt: Duration
  }

  private struct State {
    var asked: [AuthorityQuestion: Asked] = [:]
    var last = 0
    var peers: [String: Peer] = [:]
    var silent: [String] = []
    /// When the notes were read last.
    var lookedAt: Duration?
    var row = CAJournal(data: [], activeX509AuthorityID: "")
    var written = RollCallNote()
    var writtenAt = Duration.zero
    var sweptAt = Duration.zero
  }

  private let trustDomain: TrustDomain
  private let datastore: any Datastore
  private let bundles: BundleCache
  private let authority: CertificateAuthority
  package let confirmations = AgentConfirmations()
  private let entries: EntryModelKeeper
  private let time: any TimeSource
  private let logger: Logger
  private let instance = RandomUUID.text()
  private let wake = WakeSignal()
  private let state = Mutex(State())

  private let turn = PollTurn()

  package init(
    trustDomain: TrustDomain, datastore: any Datastore, bundles: BundleCache, authority: CertificateAuthority,
    entries: EntryModelKeeper, time: any TimeSource, logger: Logger
  ) {
    self.trustDomain = trustDomain
    self.datastore = datastore
    self.bundles = bundles
    self.authority = authority
    self.entries = entries
    self.time = time
    self.logger = logger
  }

  // MARK: Asking

  /// Who has confirmed it, as far as is known now. Other servers are asked meanwhile: their answers come later.
  package func ask(_ question: AuthorityQuestion) async -> Confirmation {
    let confirmation = confirmation(of: question)
    if confirmation.isSettled { return confirmation }
    await round()
    return self.confirmation(of: question)
  }

  private func confirmation(of question: AuthorityQuestion) -> Confirmation {
    let now = time.steady
    var result = Confirmation()
    var (confirmed, others) = confirmations.answer(question)
    let isNew = state.withLock { state in
      let isNew = state.asked[question] == nil
      if isNew { state.last += 1 }
      var asked = state.asked[question] ?? Asked(id: "\(state.last)", since: now, until: now)
      asked.until = now + Self.memory
      state.asked[question] = asked
      for peer in state.peers.values where now - peer.changedAt <= Self.death {
        result.servers += 1
        let answer = peer.note.answers.first { $0.instance == instance && $0.question == asked.id }
        if answer?.isKnown != true { result.missingServers.append(peer.note.authorityID) }
        guard let answer else { continue }
        for agent in answer.agents { confirmed.insert(AgentMark(value: agent)) }
        for (agent, heardAt) in zip(answer.missing, answer.heardAt) {
          others[AgentMark(value: agent), default: 0] = max(others[AgentMark(value: agent)] ?? 0, heardAt)
        }
      }
      result.silentServers = state.silent
      let hasLooked = state.lookedAt.map { $0 >= asked.since } ?? false
      result.isSettled = hasLooked && state.silent.isEmpty || now - asked.since >= Self.patience
      return isNew
    }
    if isNew { wake.raise() }
    let agents = entries.agentsInForce()
    result.agents = agents.count
    for agent in agents {
      let mark = AgentMark(agent)
      if !confirmed.contains(mark) { result.missing.append(.init(agent: agent, heardAt: others[mark])) }
    }
    result.missing.sort { a, b in
      a.heardAt == b.heardAt ? a.agent < b.agent : a.heardAt ?? 0 > b.heardAt ?? 0
    }
    result.missingServers.sort()
    return result
  }

  // MARK: Service

  package func run() async throws {
    do {
      try await cancelWhenGracefulShutdown {
        while true {
          try await self.wake.wait(atMost: self.interval, time: self.time)
          await self.round()
        }
      }
    } catch is CancellationError {
      await leave()
    }
  }

  private var interval: Duration {
    state.withLock { state in
      let isAsked = state.peers.values.contains { !$0.note.questions.isEmpty }
      return isAsked || !state.asked.isEmpty ? Self.busy : Self.idle
    }
  }

  /// Reads the others' notes, and writes the own one if there is anything to say.
  package func round() async {
    await turn.take {
      self.sweep()
      do {
        let began = self.time.steady
        self.take(try await self.datastore.listCAJournals(), began)
        guard let note = try await self.note() else { return await self.leave() }
        try await self.write(note)
      } catch {
        // The datastore's own lines say that it is away; nobody is confirmed by that.
        self.logger.debug("Could not ask the other servers who has an authority", metadata: ["error": "\(error)"])
      }
    }
  }

  private func sweep() {
    let now = time.steady
    let isDue = state.withLock { state in
      state.asked = state.asked.filter { $0.value.until > now }
      guard now - state.sweptAt > Self.sweeping else { return false }
      state.sweptAt = now
      return true
    }
    if isDue { confirmations.keep(only: Set(entries.agentsInForce().map { AgentMark($0) })) }
  }

  private func take(_ rows: [CAJournal], _ began: Duration) {
    let (now, own) = (Int64(time.now.timeIntervalSince1970), authority.activeX509CA?.authorityID)
    state.withLock { state in
      var seen: Set<String> = []
      var others: [String] = []
      for row in rows {
        if row.activeX509AuthorityID.hasPrefix(Self.prefix) {
          guard let note = try? RollCallNote(serializedBytes: row.data), note.instance != instance else { continue }
          seen.insert(note.instance)
          if state.peers[note.instance]?.note != note {
            state.peers[note.instance] = Peer(note: note, changedAt: began)
          }
        } else if row.activeX509AuthorityID != own, Self.isInForce(row, at: now) {
          others.append(row.activeX509AuthorityID)
        }
      }
      state.peers = state.peers.filter { seen.contains($0.key) }
      let speaking = Set(
        state.peers.values.lazy.filter { began - $0.changedAt <= Self.death }.map(\.note.authorityID))
      state.silent = others.filter { !speaking.contains($0) }
      state.lookedAt = began
    }
  }

  /// Whether the server of a journal may still sign.
  private static func isInForce(_ row: CAJournal, at now: Int64) -> Bool {
    guard let journal = try? JournalEntries(serializedBytes: row.data) else { return false }
    return journal.x509Cas.contains { $0.status == .active && $0.notAfter > now }
  }

  /// What this server has to say; nil when nobody asks.
  private func note() async throws -> RollCallNote? {
    let now = time.steady
    var note = RollCallNote()
    note.instance = instance
    note.authorityID = authority.activeX509CA?.authorityID ?? ""
    let (asked, peers) = state.withLock { ($0.asked, Array($0.peers.values)) }
    // Alone on the datastore, there is nobody to ask.
    let isAlone = state.withLock { $0.peers.isEmpty && $0.silent.isEmpty }
    note.questions = isAlone ? [] : asked.map { Self.message($0.key, id: $0.value.id) }.sorted { $0.id < $1.id }
    let questions = peers.filter { now - $0.changedAt <= Self.death }.flatMap { peer in
      peer.note.questions.map { (peer.note.instance, $0) }
    }
    if questions.isEmpty { return note.questions.isEmpty ? nil : note }
    let contents = try await bundles.bundle(of: trustDomain).map { BundleContents($0) }
    note.answers = questions.compactMap { instance, message in
      guard let question = AuthorityQuestion(message) else { return nil }
      return answer(question, to: message.id, of: instance, contents)
    }
    note.answers.sort { ($0.instance, $0.question) < ($1.instance, $1.question) }
    return note
  }

  private func answer(
    _ question: AuthorityQuestion, to id: String, of instance: String, _ contents: BundleContents?
  ) -> RollCallAnswer {
    let (confirmed, others) = confirmations.answer(question)
    var answer = RollCallAnswer()
    answer.instance = instance
    answer.question = id
    answer.isKnown = contents?.says(question) ?? false
    answer.agents = confirmed.map(\.value).sorted()
    let missing = others.sorted { $0.value == $1.value ? $0.key.value < $1.key.value : $0.value > $1.value }
    answer.missing = missing.prefix(Self.listLimit).map(\.key.value)
    answer.heardAt = missing.prefix(Self.listLimit).map(\.value)
    return answer
  }

  private static func message(_ question: AuthorityQuestion, id: String) -> RollCallQuestion {
    var message = RollCallQuestion()
    message.id = id
    message.isJwt = question.kind == .jwt
    message.authorityIds = question.ids.sorted()
    switch question.what {
    case .known: message.what = .known
    case .tainted: message.what = .tainted
    case .replaced: message.what = .replaced
    }
    return message
  }

  private func write(_ note: RollCallNote) async throws {
    let now = time.steady
    var (row, written, writtenAt) = state.withLock { ($0.row, $0.written, $0.writtenAt) }
    var note = note
    note.beat = written.beat
    guard note != written || now - writtenAt >= Self.beat || row.id == 0 else { return }
    note.beat += 1
    row.activeX509AuthorityID = Self.prefix + instance
    row.data = try note.serializedBytes()
    do throws(DatastoreError) {
      row = try await datastore.setCAJournal(row)
    } catch {
      guard error.code == .notFound, row.id != 0 else { throw error }
      // Somebody pruned it: it holds no authority.
      row.id = 0
      row = try await datastore.setCAJournal(row)
    }
    (written, writtenAt) = (note, now)
    state.withLock { state in
      state.row = row
      state.written = written
      state.writtenAt = writtenAt
    }
  }

  /// Takes the own note away.
  private func leave() async {
    let id = state.withLock(\.row.id)
    guard id != 0 else { return }
    do {
      try await datastore.deleteCAJournal(id: id)
      state.withLock { state in
        state.row.id = 0
        state.written = RollCallNote()
      }
    } catch {
      logger.debug("Could not delete this server's note", metadata: ["error": "\(error)"])
    }
  }
}

extension AuthorityQuestion {
  /// A question of another server; nil when a later version asks what this one does not know.
  fileprivate init?(_ message: RollCallQuestion) {
    let kind: AuthorityKind = message.isJwt ? .jwt : .x509
    switch message.what {
    case .known: self.init(kind, message.authorityIds, .known)
    case .tainted: self.init(kind, message.authorityIds, .tainted)
    case .replaced: self.init(kind, message.authorityIds, .replaced)
    case .UNRECOGNIZED: return nil
    }
  }
}
