/// Whether a key asks for anything, whatever its type.
extension HCLSection {
  /// Where the key at `path` (from here down) is given a value that means something; nil when it is absent, null, false,
  /// 0, empty, or a text among `inert`. A block counts by being there.
  package func positionOfValue(at path: [String], inert: [String] = []) -> HCLPosition? {
    guard let first = path.first else { return nil }
    var section = self
    let rest = Array(path.dropFirst())
    if !rest.isEmpty { return section.blockEntries(first).positionOfValue(at: rest, inert: inert) }
    for entry in section.take(first) where entry.keys.count > 1 || Self.isSet(entry.value, inert) {
      return entry.value.position
    }
    return nil
  }

  /// Whether the last value under `key` is a block or an object, where other files have a single value.
  package mutating func isSection(_ key: String) -> Bool {
    guard let last = take(key).last else { return false }
    return last.keys.count > 1 || !Self.objects(last.value).isEmpty
  }

  /// The section under `key`, empty when there is none; what is no block is passed over.
  private mutating func blockEntries(_ key: String) -> HCLSection {
    var entries: [Entry] = []
    for entry in take(key) {
      if entry.keys.count > 1 {
        entries.append(Entry(keys: entry.keys.dropFirst(), value: entry.value))
      } else {
        entries += Self.objects(entry.value).flatMap(Self.entries)
      }
    }
    return HCLSection(decoding, path: path(of: key), position: position, entries: entries)
  }

  private static func objects(_ value: HCLValue) -> [HCLObject] {
    switch value.kind {
    case .object(let object): [object]
    case .list(let values): values.flatMap(objects)
    default: []
    }
  }

  private static func isSet(_ value: HCLValue, _ inert: [String]) -> Bool {
    switch value.kind {
    case .null: false
    case .bool(let bool): bool
    case .string(let text), .number(let text), .float(let text):
      !["", "0", "false"].contains(text) && !inert.contains(text)
    case .list(let values): values.contains { isSet($0, inert) }
    case .object: true
    }
  }
}
