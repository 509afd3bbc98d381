/// More event IDs were skipped than can be kept: any up to ``end`` may still appear. Part of ``EventCursor``.
///
/// Everything is read again at growing intervals, until a reading began after every transaction that could own one of
/// them had ended, or after its time.
struct Doubt: Hashable, Sendable {
  let end: Int64
  /// When the first of several in a row was found.
  private(set) var began: Duration?
  private var since: Duration?
  private var asked: Duration?
  private var writers: Set<String>?
  /// Whether the reading that goes on is the last one that is needed.
  private(set) var isOver = false

  init(end: Int64, began: Duration?) {
    self.end = end
    self.began = began
  }

  mutating func seal(_ now: Duration) {
    began = began ?? now
    since = since ?? now
  }

  mutating func learn(_ writers: Set<String>) {
    self.writers = self.writers?.intersection(writers) ?? writers
    if self.writers == [] { isOver = true }
  }

  /// The first reading comes at once, or, in a row of doubts, when as much time has passed as since the first one.
  /// The last one comes when the time of all is over.
  func isDue(_ now: Duration, timeout: Duration) -> Bool {
    guard let began, let since, !isOver else { return true }
    if writers == nil, now - since >= timeout { return true }
    return now - (asked ?? began) >= (asked == nil ? .zero : max(.seconds(1), (now - began) / 2))
  }

  mutating func ask(_ now: Duration, timeout: Duration) {
    asked = now
    if let since, writers == nil, now - since >= timeout { isOver = true }
  }
}
