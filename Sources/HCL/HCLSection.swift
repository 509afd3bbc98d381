/// One section of a configuration file, whatever number of blocks it is written in.
///
/// Reading is as forgiving as HCL 1's decoder: keys match without regard to case, quoted numbers and bools count as
/// such and the other way round, repeated blocks are one section in which the last scalar wins, and `a "b" { … }` is
/// `a { b { … } }`, which is how JSON writes it. Values of a wrong type are noted in ``HCLDecoding`` and read as absent.
package struct HCLSection {
  /// One `key … = value`, its key first.
  struct Entry {
    let keys: ArraySlice<HCLItem.Key>
    let value: HCLValue
  }

  let decoding: HCLDecoding
  /// The keys that lead here, `server.ca_subject`; empty at the top.
  package let path: String
  /// Where the section's first block stands.
  package let position: HCLPosition
  let entries: [Entry]
  private var used: Set<String> = []

  init(_ decoding: HCLDecoding, path: String, position: HCLPosition, entries: [Entry]) {
    self.decoding = decoding
    self.path = path
    self.position = position
    self.entries = entries
  }

  func path(of key: String) -> String { path.isEmpty ? key : path + "." + key }

  /// The entries under `key`, which from now on is a known one.
  mutating func take(_ key: String) -> [Entry] {
    let folded = key.lowercased()
    used.insert(folded)
    let found = entries.filter { $0.keys.first?.text.lowercased() == folded }
    if let last = found.last { decoding.record(path(of: key), last.value.position) }
    return found
  }

  /// Whether `key` is there at all. The key counts as known.
  package mutating func has(_ key: String) -> Bool { !take(key).isEmpty }

  /// Whether the section holds any key.
  package var isEmpty: Bool { entries.isEmpty }

  /// Notes the keys that were not asked for, under the name that messages give the section.
  package func reportUnknownKeys(as section: String) {
    var first: [String: HCLPosition] = [:]
    for entry in entries {
      guard let key = entry.keys.first, !used.contains(key.text.lowercased()) else { continue }
      first[key.text] = first[key.text] ?? key.position
    }
    guard !first.isEmpty else { return }
    let keys = first.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    decoding.add(.init(section: section, keys: keys, positions: keys.compactMap { first[$0] }))
  }

  func mismatch(_ key: String, _ expected: String, _ value: HCLValue) {
    let got: String
    switch value.kind {
    case .string(let text): got = HCLText.quote(String(text.prefix(80)))
    case .number(let text), .float(let text): got = String(text.prefix(80))
    default: got = value.kindName
    }
    decoding.add(value.position, "\(path(of: key)): expected \(expected), got \(got)")
  }
}
