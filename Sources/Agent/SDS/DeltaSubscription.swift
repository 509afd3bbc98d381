import Crypto
import FoundationEssentials

/// What the client of one DeltaSecrets stream asked for and has, by the protocol's rules for changes. A value of
/// ``SecretStream``.
struct DeltaSubscription {
  private(set) var named: Set<String> = []
  private(set) var isWildcard = false
  /// The versions that the client has, by name.
  private var held: [String: String]
  /// Names that the client wants an answer for, whether it has them or not.
  private var asked: Set<String> = []

  static let wildcard = "*"

  /// The first request of a stream: one that names nothing asks for everything.
  init(subscribe: [String], known: [String: String]) {
    held = known
    let names = subscribe.filter { !$0.isEmpty }
    isWildcard = names.isEmpty
    change(subscribe: names, unsubscribe: [])
    // What it has from before is sent only where it is another one now.
    asked.subtract(known.keys)
    if !isWildcard { held = held.filter { named.contains($0.key) } }
  }

  /// Whether anything asks for an answer.
  @discardableResult
  mutating func change(subscribe: [String], unsubscribe: [String]) -> Bool {
    for name in subscribe where !name.isEmpty {
      if name == Self.wildcard {
        isWildcard = true
      } else {
        named.insert(name)
        asked.insert(name)
      }
    }
    for name in unsubscribe {
      if name == Self.wildcard {
        isWildcard = false
        held = held.filter { named.contains($0.key) }
      } else if named.remove(name) != nil {
        asked.remove(name)
        // The client has dropped it, although it goes on asking for everything.
        held[name] = nil
      }
    }
    return !subscribe.isEmpty || !unsubscribe.isEmpty
  }

  /// What of `selection` the client does not have yet, and what it has or asked for that is not in it. It counts as sent.
  mutating func difference(to selection: SecretSelection) throws -> (
    changed: [SecretResponse.Resource], removed: [String]
  ) {
    var changed: [SecretResponse.Resource] = []
    var now: [String: String] = [:]
    // Of two identities with one name only the first can be told apart.
    for secret in selection.secrets where now[secret.name] == nil {
      let bytes = try secret.encoded()
      let version = Self.version(of: bytes)
      now[secret.name] = version
      if held[secret.name] != version || asked.contains(secret.name) {
        changed.append(SecretResponse.Resource(name: secret.name, version: version, bytes: bytes))
      }
    }
    let removed = Set(held.keys).union(asked).filter { now[$0] == nil }.sorted()
    held = now
    asked = []
    return (changed, removed)
  }

  /// The same content has the same version on every stream, so that a client that comes back gets only what is new.
  private static func version(of bytes: Data) -> String {
    SHA256.hash(data: bytes).prefix(8).map { byte in
      let text = String(byte, radix: 16)
      return text.count == 1 ? "0" + text : text
    }.joined()
  }
}
