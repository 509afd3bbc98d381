/// A value that knows its own key, as ``ChunkedTable`` keeps them.
protocol TableValue: Sendable {
  associatedtype TableKey: Hashable, Sendable
  var tableKey: TableKey { get }
}

/// A hash table whose copies share all that has not changed: part of ``EntryModel``.
///
/// Two levels of 64 places each, and at each of the 4,096 places a chunk of values, in no order. A change of a table that
/// somebody else holds a copy of copies one chunk and the two lists that lead to it, never the table; a change of one that
/// nobody else holds copies nothing. A chunk holds 24 values of a hundred thousand, and looking through their hashes is
/// quicker than keeping them in order. Chunks are made when they are needed: an empty table has none.
struct ChunkedTable<Value: TableValue>: Sendable {
  struct Slot: Sendable {
    let hash: Int
    var value: Value
  }

  typealias Chunk = ContiguousArray<Slot>

  private(set) var count = 0
  /// Empty, or 64 pages, each empty or of 64 chunks.
  private var pages: ContiguousArray<ContiguousArray<Chunk>> = []

  init() {}

  /// A table of many values, made at once: each chunk in its final size.
  ///
  /// - Parameters:
  ///   - slots: is left with nils.
  ///   - again: is called for each value whose key came before; the table holds the first one.
  init(filling slots: inout ContiguousArray<Slot?>, again: (Value) -> Void) {
    guard !slots.isEmpty else { return }
    var ends = ContiguousArray<Int32>(repeating: 0, count: 64 * 64)
    for index in slots.indices {
      if let hash = slots[index]?.hash { ends[Self.chunk(hash)] += 1 }
    }
    for index in 1..<ends.count { ends[index] += ends[index - 1] }
    var order = ContiguousArray<Int32>(repeating: 0, count: slots.count)
    var starts = ends
    for index in slots.indices.reversed() {
      guard let hash = slots[index]?.hash else { continue }
      starts[Self.chunk(hash)] -= 1
      order[Int(starts[Self.chunk(hash)])] = Int32(truncatingIfNeeded: index)
    }
    pages.reserveCapacity(64)
    for first in stride(from: 0, to: ends.count, by: 64) {
      pages.append(
        ContiguousArray((first..<first + 64).map { Self.chunk(order[Int(starts[$0])..<Int(ends[$0])], &slots, again) }))
    }
    count = pages.reduce(0) { $0 + $1.reduce(0) { $0 + $1.count } }
  }

  private static func chunk(
    _ numbers: ContiguousArray<Int32>.SubSequence, _ slots: inout ContiguousArray<Slot?>, _ again: (Value) -> Void
  ) -> Chunk {
    var chunk = Chunk()
    chunk.reserveCapacity(numbers.count)
    for number in numbers {
      guard let slot = slots[Int(number)].take() else { continue }
      let isKnown = chunk.withUnsafeBufferPointer { other in
        other.contains { $0.hash == slot.hash && $0.value.tableKey == slot.value.tableKey }
      }
      if isKnown { again(slot.value) } else { chunk.append(slot) }
    }
    return chunk
  }

  // MARK: Reading

  func value(_ key: Value.TableKey) -> Value? { value(key, hash: key.hashValue) }

  /// - Parameter hash: the key's `hashValue`, where the caller has it already.
  func value(_ key: Value.TableKey, hash: Int) -> Value? {
    guard !pages.isEmpty else { return nil }
    let page = pages[Self.page(hash)]
    guard !page.isEmpty else { return nil }
    return page[Self.place(hash)].withUnsafeBufferPointer { slots in
      Self.find(key, hash, in: slots).map { slots[$0].value }
    }
  }

  /// Calls `body` for each value, in no order.
  func forEach(_ body: (Value) -> Void) {
    for page in pages { for chunk in page { for slot in chunk { body(slot.value) } } }
  }

  // MARK: Changes

  /// Puts a value in, in place of the one with the same key.
  mutating func set(_ value: Value, hash: Int) {
    replace(value.tableKey, hash: hash) { _ in value }
  }

  /// Puts in what `new` makes of the value of a key, or of nil.
  mutating func replace(_ key: Value.TableKey, hash: Int, _ new: (Value?) -> Value) {
    makeRoom(for: hash)
    if Self.replace(&pages[Self.page(hash)][Self.place(hash)], key, hash, new) { count += 1 }
  }

  private static func replace(
    _ chunk: inout Chunk, _ key: Value.TableKey, _ hash: Int, _ new: (Value?) -> Value
  ) -> Bool {
    guard let index = chunk.withUnsafeBufferPointer({ find(key, hash, in: $0) }) else {
      chunk.append(Slot(hash: hash, value: new(nil)))
      return true
    }
    chunk[index].value = new(chunk[index].value)
    return false
  }

  private mutating func makeRoom(for hash: Int) {
    if pages.isEmpty { pages = ContiguousArray(repeating: [], count: 64) }
    if pages[Self.page(hash)].isEmpty { pages[Self.page(hash)] = ContiguousArray(repeating: [], count: 64) }
  }

  /// Changes the value of a key in its place; if there is none, makes it first.
  /// - Returns: whether it was made.
  @discardableResult
  mutating func change(
    _ key: Value.TableKey, hash: Int, make: () -> Value, _ body: (inout Value) -> Void
  ) -> Bool {
    makeRoom(for: hash)
    let made = Self.change(&pages[Self.page(hash)][Self.place(hash)], key, hash, make, body)
    if made { count += 1 }
    return made
  }

  private static func change(
    _ chunk: inout Chunk, _ key: Value.TableKey, _ hash: Int, _ make: () -> Value, _ body: (inout Value) -> Void
  ) -> Bool {
    if let index = chunk.withUnsafeBufferPointer({ find(key, hash, in: $0) }) {
      body(&chunk[index].value)
      return false
    }
    var slot = Slot(hash: hash, value: make())
    body(&slot.value)
    chunk.append(slot)
    return true
  }

  /// Changes the value of a key in its place, if there is one, and takes it out when `body` says that it is not wanted.
  /// - Returns: whether it was taken out.
  @discardableResult
  mutating func remove(_ key: Value.TableKey, hash: Int, if body: (inout Value) -> Bool = { _ in true }) -> Bool {
    // Looked for first: what is not there must not make a copy of anything.
    guard value(key, hash: hash) != nil else { return false }
    let removed = Self.remove(from: &pages[Self.page(hash)][Self.place(hash)], key, hash, body)
    if removed { count -= 1 }
    return removed
  }

  private static func remove(
    from chunk: inout Chunk, _ key: Value.TableKey, _ hash: Int, _ body: (inout Value) -> Bool
  ) -> Bool {
    guard let index = chunk.withUnsafeBufferPointer({ find(key, hash, in: $0) }), body(&chunk[index].value)
    else { return false }
    chunk.swapAt(index, chunk.count - 1)
    chunk.removeLast()
    if chunk.isEmpty { chunk = [] }
    return true
  }

  // MARK: Places

  /// The number of a chunk among all.
  private static func chunk(_ hash: Int) -> Int { Int(truncatingIfNeeded: UInt(bitPattern: hash) >> 52) }
  private static func page(_ hash: Int) -> Int { Int(truncatingIfNeeded: UInt(bitPattern: hash) >> 58) }
  private static func place(_ hash: Int) -> Int { Int(truncatingIfNeeded: UInt(bitPattern: hash) >> 52) & 63 }

  private static func find(_ key: Value.TableKey, _ hash: Int, in slots: UnsafeBufferPointer<Slot>) -> Int? {
    var index = 0
    while index < slots.count {
      if slots[index].hash == hash, slots[index].value.tableKey == key { return index }
      index += 1
    }
    return nil
  }

  /// Where the chunks lie that hold anything: what two copies share has the same place in both.
  var places: Set<UInt> {
    var result: Set<UInt> = []
    for page in pages {
      for chunk in page where !chunk.isEmpty {
        result.insert(chunk.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) })
      }
    }
    return result
  }
}
