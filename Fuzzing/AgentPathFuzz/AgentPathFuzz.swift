// A template and a value of a node: whatever the template is, a slash of the node is in no path. A pattern and a text: the
// search ends.

import FuzzSupport

@testable import ServerPlugins

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzAgentPath(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let text = String(decoding: fuzzedBytes(start, count), as: UTF8.self)
  let parts = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
  let (first, second) = (parts[0], parts.count > 1 ? parts[1] : "")
  // An operator may take a slash away and put one there.
  let isRemade = ["replace", "Replace", "join", "Join", "split", "Split", "print"].contains { first.contains($0) }
  if !isRemade, let template = try? AgentPathTemplate(first, fields: ["A", "B"]) {
    let fields: TemplateValue = .map(["A": .foreign("\u{1}/\u{2}"), "B": .list([.foreign(second), .text("b")])])
    if let path = try? template.path(fields) { check(!path.contains("\u{1}/\u{2}"), "a slash of the node in \(path)") }
  }
  if let pattern = try? LinearPattern(first) {
    let scalars = Array(second.unicodeScalars)
    var steps = 1_000_000
    let groups = try? pattern.groups(in: scalars, from: 0, steps: &steps)
    if scalars.count <= LinearPattern.maximumText, steps >= 0 {
      check(pattern.matches(second) == (groups != nil), "the two searches for \(first) differ")
    }
  }
  return 0
}
