/// A dictionary that forgets what was not written for long: two generations of at most `capacity` values each. Writing
/// costs the same whatever it holds. A value; ``AgentActivity`` owns two.
struct RecentValues<Key: Hashable, Value> {
  private let capacity: Int
  private var current: [Key: Value] = [:]
  private var previous: [Key: Value] = [:]

  init(capacity: Int) { self.capacity = max(1, capacity) }

  var count: Int { current.count + previous.keys.count { current[$0] == nil } }

  subscript(key: Key) -> Value? {
    get { current[key] ?? previous[key] }
    set {
      guard let newValue else {
        current[key] = nil
        previous[key] = nil
        return
      }
      if current.count >= capacity, current[key] == nil {
        previous = current
        current = [:]
      }
      current[key] = newValue
    }
  }
}
