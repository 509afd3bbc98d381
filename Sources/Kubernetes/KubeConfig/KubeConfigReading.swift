import Daemon
import SPIFFE

/// Reads the keys of one map of a kubeconfig. Used by one initialiser and not kept.
struct KubeConfigReading {
  private let value: YAMLValue
  /// What is read, for messages: `cluster "east"`.
  let what: String
  private let folder: String

  init(_ value: YAMLValue, _ what: String, folder: String) {
    (self.value, self.what, self.folder) = (value, what, folder)
  }

  func has(_ key: String) -> Bool { value[key] != nil }

  /// Empty when there is none.
  func text(_ key: String) throws(KubeConfig.Unusable) -> String {
    guard let found = value[key] else { return "" }
    guard case .text(let text, _) = found else {
      throw .init("\(what): \(key) is \(found.kind), not a text")
    }
    return text
  }

  func bool(_ key: String) throws(KubeConfig.Unusable) -> Bool {
    guard let found = value[key] else { return false }
    guard case .text(let text, isPlain: true) = found else { throw .init("\(what): \(key) must be true or false") }
    // SPIRE: kubeconfigs are YAML 1.1.
    switch text.lowercased() {
    case "true", "yes", "on": return true
    case "false", "no", "off": return false
    default: throw .init("\(what): \(key) must be true or false")
    }
  }

  func texts(_ key: String) throws(KubeConfig.Unusable) -> [String] {
    guard let found = value[key] else { return [] }
    return try Self.texts(found, "\(what): \(key)")
  }

  private static func texts(_ value: YAMLValue, _ what: String) throws(KubeConfig.Unusable) -> [String] {
    guard case .list(let items) = value else { throw .init("\(what) is \(value.kind), not a list") }
    var texts: [String] = []
    for item in items {
      guard case .text(let text, _) = item else { throw .init("\(what) holds \(item.kind) beside texts") }
      texts.append(text)
    }
    return texts
  }

  /// A map of lists of texts, in its order.
  func lists(_ key: String) throws(KubeConfig.Unusable) -> [(name: String, values: [String])] {
    guard let found = value[key] else { return [] }
    guard case .map(let members) = found else { throw .init("\(what): \(key) is \(found.kind), not a map") }
    var lists: [(name: String, values: [String])] = []
    for member in members { lists.append((member.name, try Self.texts(member.value, "\(what): \(key)"))) }
    return lists
  }

  /// The path of a file; empty when there is none.
  func path(_ key: String) throws(KubeConfig.Unusable) -> String {
    let path = try text(key)
    return path.isEmpty || path.hasPrefix("/") ? path : folder + path
  }

  /// What `<key>-data` holds, else the file of `key`.
  func content(_ key: String) throws(KubeConfig.Unusable) -> KubeConfigText? {
    let data = try text(key + "-data")
    guard data.isEmpty else {
      do { return .inline(try Base64.decode(data.filter { !$0.isWhitespace })) } catch {
        throw .init("\(what): \(key)-data is not base64: \(error)")
      }
    }
    let path = try path(key)
    return path.isEmpty ? nil : .file(path)
  }

  /// The maps of a list.
  func sections(_ key: String) throws(KubeConfig.Unusable) -> [KubeConfigReading] {
    guard let found = value[key] else { return [] }
    guard case .list(let items) = found else { throw .init("\(what): \(key) is \(found.kind), not a list") }
    var sections: [KubeConfigReading] = []
    for item in items {
      guard case .map = item else { throw .init("\(what): \(key) holds \(item.kind) beside maps") }
      sections.append(KubeConfigReading(item, "\(what): \(key)", folder: folder))
    }
    return sections
  }

  /// The map under `key`; nil when there is none.
  func section(_ key: String, _ what: String) throws(KubeConfig.Unusable) -> KubeConfigReading? {
    guard let found = value[key] else { return nil }
    guard case .map = found else { throw .init("\(self.what): \(key) is \(found.kind), not a map") }
    return KubeConfigReading(found, what, folder: folder)
  }

  /// What an extension holds, unread.
  func `extension`(_ name: String) throws(KubeConfig.Unusable) -> YAMLValue? {
    for section in try sections("extensions") where try section.text("name") == name {
      return section.value["extension"]
    }
    return nil
  }

  /// The path of a program: relative to the file if there is a slash in it, else a name to look for.
  func program(_ key: String) throws(KubeConfig.Unusable) -> String {
    let name = try text(key)
    return name.contains("/") ? try path(key) : name
  }

  /// What the entry `name` of a list holds.
  func named(
    _ name: String, in list: String, holding key: String
  ) throws(KubeConfig.Unusable) -> KubeConfigReading? {
    guard let found = value[list] else { return nil }
    guard case .list(let entries) = found else { throw .init("\(list) is \(found.kind), not a list") }
    var result: KubeConfigReading?
    for (index, entry) in entries.enumerated() {
      let reading = KubeConfigReading(entry, "\(list)[\(index)]", folder: folder)
      guard try reading.text("name") == name else { continue }
      guard result == nil else { throw .init("\(list): duplicate name \(GoText.quote(name))") }
      let inner = entry[key] ?? .map([])
      guard case .map = inner else { throw .init("\(list)[\(index)]: \(key) is \(inner.kind), not a map") }
      result = KubeConfigReading(inner, "\(key) \(GoText.quote(name))", folder: folder)
    }
    return result
  }
}
