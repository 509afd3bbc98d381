import DatastoreAPI
import SPIFFE

/// What may be wrong with the selectors of an entry.
extension SelectorVocabulary {
  /// - Parameters:
  ///   - parentIsAgent: the entry lies directly below an agent, as the alias of a join token does.
  static func findings(for entry: RegistrationEntry, parentIsAgent: Bool) -> [Finding] {
    var result: [Finding] = []
    let isAlias = entry.parentID.path == "/spire/server"
    var seen: Set<Selector> = []
    for selector in entry.selectors {
      guard seen.insert(selector).inserted else {
        result.append(
          Finding(
            .problem, "selector_twice", "\(selector) is given twice, which the server refuses", advice: "leave one out")
        )
        continue
      }
      // A selector with an agent's ID makes an entry that only stands for the agent.
      if selector.type == "spiffe_id", isAlias || parentIsAgent { continue }
      if entry.storeSVID, kinds[selector.type] == nil { continue }
      if let finding = finding(for: selector, isAlias: isAlias) { result.append(finding) }
    }
    return result
  }

  private static func finding(for selector: Selector, isAlias: Bool) -> Finding? {
    guard let kind = kinds[selector.type] else { return unknownType(selector) }
    guard (kind.side == .nodes) == isAlias else { return wrongSide(selector, isAlias: isAlias) }
    guard !kind.keys.isEmpty else { return nil }
    let parts = selector.value.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let key = String(parts[0])
    guard let form = kind.keys[key] else { return unknownKey(selector, key, kind) }
    guard parts.count == 2, !parts[1].isEmpty else {
      return Finding(
        .warning, "selector_value_malformed", "\(selector) has no value after \"\(key)\", so nothing matches it",
        advice: "write \(selector.type):\(key):VALUE")
    }
    return malformedValue(selector, String(parts[1]), form)
  }

  private static func unknownType(_ selector: Selector) -> Finding {
    let message: String
    if withoutSelectors.contains(selector.type) {
      message = "the attestor \(selector.type) finds no selectors, so nothing matches \(selector)"
    } else {
      message =
        "no attestor of SPIRE produces selectors of the type \"\(selector.type)\", so nothing matches \(selector)"
    }
    let nearest = NearestNames.find(selector.type, among: kinds.keys.sorted(), limit: 1).first
    let advice =
      nearest.map { "did you mean \($0):\(selector.value)?" }
      ?? "correct the type, unless a plugin of your own produces it"
    return Finding(.warning, "selector_type_unknown", message, advice: advice)
  }

  private static func wrongSide(_ selector: Selector, isAlias: Bool) -> Finding {
    isAlias
      ? Finding(
        .warning, "selector_of_workload",
        "\(selector) is a selector of workloads, but a node entry is compared with selectors of nodes: no agent has it",
        advice: "for workloads, give the ID of an agent or of a node entry as the parent instead of /spire/server")
      : Finding(
        .warning, "selector_of_node",
        "\(selector) is a selector of nodes: no workload has it, so nothing matches this entry",
        advice: "make a node entry with it (spire-server entry create -node) and give that entry's ID as the parent")
  }

  private static func unknownKey(_ selector: Selector, _ key: String, _ kind: Kind) -> Finding {
    let known = kind.keys.keys.sorted()
    let nearest = NearestNames.find(key, among: known, limit: 1).first
    return Finding(
      .warning, "selector_key_unknown",
      "the attestor \(selector.type) produces no selectors \(selector.type):\(key):…, so nothing matches \(selector)",
      advice: (nearest.map { "did you mean \(selector.type):\($0)? " } ?? "")
        + "It knows \(known.joined(separator: ", "))")
  }

  private static func malformedValue(_ selector: Selector, _ value: String, _ form: Form) -> Finding? {
    let what: String
    let advice: String
    switch form {
    case .anything:
      return nil
    case .number:
      if isNumber(value) { return nil }
      what = "\"\(value)\" is not a number as the attestor writes it"
      let names = ["uid": "user", "gid": "group", "supplementary_gid": "supplementary_group"]
      let key = selector.value.prefix { $0 != ":" }
      advice = names[String(key)].map { "for a name, write \(selector.type):\($0):\(value)" } ?? ""
    case .absolutePath:
      if value.hasPrefix("/") { return nil }
      what = "\"\(value)\" is not an absolute path"
      advice = "write the path that `readlink /proc/PID/exe` shows for the workload"
    case .sha256:
      if value.utf8.count == 64, value.utf8.allSatisfy(isLowerHex) { return nil }
      what = "\"\(value)\" is not a SHA-256 digest of 64 lower-case hex digits"
      advice = "write what `sha256sum` shows for the executable"
    case .pair:
      if value.utf8.dropFirst().contains(UInt8(ascii: ":")) { return nil }
      what = "\"\(value)\" has no colon between its name and its value"
      advice = "write \(selector)\(selector.description.hasSuffix(":") ? "" : ":")VALUE"
    }
    return Finding(.warning, "selector_value_malformed", "\(selector): \(what), so nothing matches it", advice: advice)
  }

  /// Attestors write numbers in decimal without leading zeros.
  private static func isNumber(_ text: String) -> Bool {
    guard let number = UInt64(text) else { return false }
    return String(number) == text
  }

  private static func isLowerHex(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
  }
}
