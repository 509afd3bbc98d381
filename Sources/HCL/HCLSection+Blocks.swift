/// Sections inside a section.
extension HCLSection {
  /// The section under `key`: all its blocks, objects and lists of objects together. Nil when there is none.
  package mutating func section(_ key: String) -> HCLSection? {
    var position: HCLPosition?
    var inner: [Entry] = []
    for entry in take(key) {
      guard let found = contents(of: entry.keys.dropFirst(), entry.value, key) else { continue }
      position = position ?? entry.value.position
      inner += found.joined()
    }
    guard let position else { return nil }
    return HCLSection(decoding, path: path(of: key), position: position, entries: inner)
  }

  /// The sections under `key` one by one: blocks, objects, or the objects of lists. Labels mean nothing and are dropped,
  /// and so are the maps and lists that JSON writers put around each element.
  package mutating func sections(_ key: String) -> [HCLSection] {
    var result: [HCLSection] = []
    for entry in take(key) {
      for object in elements(of: entry.value, key) {
        result.append(
          HCLSection(
            decoding, path: "\(path(of: key))[\(result.count)]", position: object.position,
            entries: Self.entries(object)))
      }
    }
    return result
  }

  /// The sections under `key` that carry `levels` labels each, one per block, in the order of the file. In JSON, labels
  /// are the keys of nested objects.
  package mutating func labelled(_ key: String, levels: Int) -> [(labels: [HCLItem.Key], section: HCLSection)] {
    var result: [(labels: [HCLItem.Key], section: HCLSection)] = []
    for entry in take(key) { descend(key, entry.keys.dropFirst(), entry.value, [], levels, &result) }
    return result
  }

  private func descend(
    _ key: String, _ keys: ArraySlice<HCLItem.Key>, _ value: HCLValue, _ labels: [HCLItem.Key], _ levels: Int,
    _ result: inout [(labels: [HCLItem.Key], section: HCLSection)]
  ) {
    if labels.count < levels, let label = keys.first {
      return descend(key, keys.dropFirst(), value, labels + [label], levels, &result)
    }
    let name = ([key] + labels.map(\.text)).joined(separator: ".")
    let isLeaf = labels.count == levels
    guard let blocks = contents(of: keys, value, name) else {
      if isLeaf, case .null = value.kind {
        result.append((labels, HCLSection(decoding, path: path(of: name), position: value.position, entries: [])))
      }
      return
    }
    for block in blocks {
      if isLeaf {
        let position = labels.last?.position ?? value.position
        result.append((labels, HCLSection(decoding, path: path(of: name), position: position, entries: block)))
      } else {
        for entry in block { descend(key, entry.keys, entry.value, labels, levels, &result) }
      }
    }
  }

  /// The object under `key` as it stands, for readers that this file knows nothing about. Nil when there is none.
  package mutating func object(_ key: String) -> HCLObject? {
    guard let section = section(key) else { return nil }
    return HCLObject(
      items: section.entries.map { HCLItem(keys: Array($0.keys), value: $0.value) }, at: section.position)
  }

  /// The entries of each object in `value`; nil (and a problem, unless it is null) when it holds none.
  private func contents(of keys: ArraySlice<HCLItem.Key>, _ value: HCLValue, _ key: String) -> [[Entry]]? {
    if !keys.isEmpty { return [[Entry(keys: keys, value: value)]] }
    switch value.kind {
    case .null: return nil
    case .object(let object): return [Self.entries(object)]
    case .list(let values):
      return values.flatMap { contents(of: [], $0, key) ?? [] }
    default:
      mismatch(key, "a block", value)
      return nil
    }
  }

  /// The objects of a list that may be wrapped in further lists and, in JSON, in objects that hold only objects.
  private func elements(of value: HCLValue, _ key: String) -> [HCLObject] {
    switch value.kind {
    case .null: return []
    case .list(let values): return values.flatMap { elements(of: $0, key) }
    case .object(let object):
      let wrapped =
        decoding.document.isJSON && !object.items.isEmpty
        && object.items.allSatisfy { Self.holdsObjects($0.value) }
      return wrapped ? object.items.flatMap { elements(of: $0.value, key) } : [object]
    default:
      mismatch(key, "a block", value)
      return []
    }
  }

  private static func holdsObjects(_ value: HCLValue) -> Bool {
    switch value.kind {
    case .object: true
    case .list(let values): !values.isEmpty && values.allSatisfy { if case .object = $0.kind { true } else { false } }
    default: false
    }
  }

  static func entries(_ object: HCLObject) -> [Entry] {
    object.items.map { Entry(keys: $0.keys[...], value: $0.value) }
  }
}
