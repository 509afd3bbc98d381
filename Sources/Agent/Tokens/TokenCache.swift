/// Tokens that were issued, the least recently used given up beyond a limit (agent-behaviour §8). A value without a
/// clock.
package struct TokenCache<Key: Hashable & Sendable, Token: CachedToken>: Sendable {
  private struct Item {
    let token: Token
    let keyID: String?
    var lastUse: UInt64
  }

  package let limit: Int
  private var items: [Key: Item] = [:]
  private var taintedKeyIDs: Set<String> = []
  private var tick: UInt64 = 0
  /// Every use, the oldest first; one that is not its item's last says nothing. So the least recently used is found
  /// without looking at all of them.
  private var uses: [(tick: UInt64, key: Key)] = []
  private var firstUse = 0

  /// - Parameter limit: the most tokens that are kept.
  package init(limit: Int = 1000) { self.limit = max(1, limit) }

  package var count: Int { items.count }

  /// The token of the key, also an expired one.
  package mutating func value(_ key: Key) -> Token? {
    guard items[key] != nil else { return nil }
    use(key)
    return items[key]?.token
  }

  package mutating func store(_ token: Token, for key: Key) {
    let keyID = token.keyID
    // It was signed just before the key was replaced, and arrived after it was tainted.
    if let keyID, taintedKeyIDs.contains(keyID) { return }
    items[key] = Item(token: token, keyID: keyID, lastUse: 0)
    use(key)
    while items.count > limit, firstUse < uses.count {
      let use = uses[firstUse]
      firstUse += 1
      if items[use.key]?.lastUse == use.tick { items[use.key] = nil }
    }
  }

  private mutating func use(_ key: Key) {
    tick += 1
    items[key]?.lastUse = tick
    uses.append((tick, key))
    guard uses.count > 4 * items.count + 64 else { return }
    uses = uses[firstUse...].filter { items[$0.key]?.lastUse == $0.tick }
    firstUse = 0
  }

  /// Gives up the tokens that the tainted keys, which these are, signed; the number of them.
  package mutating func removeSigned(by keyIDs: Set<String>) -> Int {
    taintedKeyIDs = keyIDs
    let before = items.count
    items = items.filter { item in item.value.keyID.map { !keyIDs.contains($0) } ?? true }
    return before - items.count
  }
}
