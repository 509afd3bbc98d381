import SPIFFE

/// The rules of one StreamSecrets or DeltaSecrets stream (agent-behaviour §12): requests and updates go in, responses
/// come out.
///
/// A value-type state machine: no clock, no locks, no waiting. Its owner, ``SecretSession``, carries out what
/// ``next(nonce:)`` says. Nothing is kept of a request but what later ones refer to.
package struct SecretStream: Sendable {
  /// What the owner has to do.
  package enum Action: Equatable, Sendable {
    case send(SecretResponse)
    /// Ask the server for changes before the client is told that something is not its own, say ``lookedAgain()``, and
    /// bring the update of that moment, whether it is another one or not.
    case lookAgain
    case end(AgentError)
  }

  /// What the log should say about a request.
  package enum Note: Equatable, Sendable {
    case received
    /// The client could not use what it got.
    case rejected(String)
    /// It is about an older response than the last one, and ignored.
    case stale(expected: String)
    /// The client keeps an older version.
    case rolledBack(expected: String)
  }

  private enum Names {
    case all([String])
    case changes(DeltaSubscription)
  }

  private let aliases: SecretNames
  private var update: WorkloadUpdate?
  /// Of the updates.
  private var version = 0
  private var lastNonce: String?
  package private(set) var node: EnvoyNode?
  private var typeURL = ""
  /// Nil until the first request.
  private var names: Names?
  /// A response is to be made as soon as there is an update.
  private var isDue = false
  /// The server was asked for changes for the names of the moment.
  private var hasLooked = false
  /// The update of after that is not here yet.
  private var awaitsUpdate = false
  private var refusal: AgentError?

  package init(_ aliases: SecretNames) { self.aliases = aliases }

  /// Whether a request waits for its response.
  package var isUnanswered: Bool { names != nil && isDue }

  // MARK: In

  /// A request came; what to log about it.
  package mutating func receive(_ request: SecretRequest) -> [Note] {
    var notes: [Note] = [.received]
    if let failure = request.failure { notes.append(.rejected(failure)) }
    switch request.names {
    case .all(let list):
      if let lastNonce {
        // A client that is behind answers the last response too, and then with its whole list.
        if request.nonce != lastNonce { return notes + [.stale(expected: lastNonce)] }
        if request.version != "\(version)" { notes.append(.rolledBack(expected: "\(version)")) }
      }
      if case .all(let before)? = names, !Self.isChange(from: before, to: list) {} else { ask() }
      names = .all(list)
    case .changes(let subscribe, let unsubscribe, let known):
      // Each request carries a change that no other one repeats, so none is too old.
      if case .changes(var subscription)? = names {
        if subscription.change(subscribe: subscribe, unsubscribe: unsubscribe) { ask() }
        keep(subscription)
      } else {
        keep(DeltaSubscription(subscribe: subscribe, known: known))
        ask()
      }
    }
    node = request.node ?? node
    typeURL = request.typeURL
    return notes
  }

  private mutating func ask() {
    isDue = true
    hasLooked = false
  }

  private mutating func keep(_ subscription: DeltaSubscription) {
    names = .changes(subscription)
    if subscription.named.count > SecretRequest.mostNames { refusal = SecretRequest.tooMany(subscription.named.count) }
  }

  /// SPIRE: lists are equal when they are as long and the one has nothing that the other has not.
  private static func isChange(from old: [String], to new: [String]) -> Bool {
    old.count != new.count || !Set(old).isSuperset(of: new)
  }

  /// What the workload is entitled to is this from now on.
  package mutating func receive(_ update: WorkloadUpdate) {
    awaitsUpdate = false
    // A subscription that begins anew repeats what is known.
    if let known = self.update, known.isEqual(to: update) { return }
    self.update = update
    version += 1
    guard names != nil, !isDue else { return }
    isDue = true
    hasLooked = true
  }

  /// The server was asked.
  package mutating func lookedAgain() {
    hasLooked = true
    awaitsUpdate = true
  }

  // MARK: Out

  /// What is to be done now; nil for nothing until something comes in.
  ///
  /// - Parameter nonce: makes the mark of a response.
  package mutating func next(nonce: () -> UInt32) -> Action? {
    if let refusal { return .end(refusal) }
    guard isDue, !awaitsUpdate, let update, let names else { return nil }
    do {
      switch names {
      case .all(let list):
        let selection = try SecretSelection(
          list, everything: list.allSatisfy(\.isEmpty), of: update, aliases, node)
        if selection.lacksIdentity || !selection.unknown.isEmpty, !hasLooked { return .lookAgain }
        isDue = false
        guard selection.unknown.isEmpty else { return .end(SecretSelection.refusal(selection.unknown)) }
        let resources = try selection.secrets.map { SecretResponse.Resource(name: $0.name, bytes: try $0.encoded()) }
        return .send(mark(SecretResponse(typeURL: typeURL, resources: resources), nonce()))
      case .changes(var subscription):
        let selection = try SecretSelection(
          subscription.named, everything: subscription.isWildcard, of: update, aliases, node)
        if selection.lacksIdentity || !selection.unknown.isEmpty, !hasLooked { return .lookAgain }
        isDue = false
        let (changed, removed) = try subscription.difference(to: selection)
        self.names = .changes(subscription)
        if changed.isEmpty && removed.isEmpty { return nil }
        return .send(mark(SecretResponse(typeURL: typeURL, resources: changed, removed: removed), nonce()))
      }
    } catch {
      isDue = false
      return .end(AgentError.wrapping(error))
    }
  }

  private mutating func mark(_ response: SecretResponse, _ nonce: UInt32) -> SecretResponse {
    let text = String(nonce, radix: 16)
    var response = response
    response.version = "\(version)"
    response.nonce = String(repeating: "0", count: 8 - text.count) + text
    lastNonce = response.nonce
    return response
  }
}
