// Any bytes must give a JSON value or an error within the limits, and a value that is written, in any style, must read
// back as itself.

import FuzzSupport
import SPIFFE

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJSON(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  let narrow = JSONLimits(maximumBytes: 1 << 16, maximumDepth: 8, rejectsDuplicates: true)
  let value = try? JSONValue(parsing: bytes)
  if let strict = try? JSONValue(parsing: bytes, limits: narrow) {
    check(value.map { same($0, strict) } == true, "narrower limits give another value")
    check(depth(strict) <= narrow.maximumDepth, "deeper than the limit")
  }
  guard let value else { return 0 }
  check(depth(value) <= JSONLimits().maximumDepth, "deeper than the limit")
  read(value)
  for style in [JSONStyle.compact, .indented, JSONStyle(escapesHTML: false)] {
    check(same(again(value.encoded(style)), value), "written in style \(style) it reads back as another value")
  }
  let sorted = value.encoded(.sorted)
  check(again(sorted).encoded(.sorted) == sorted, "sorted text is not stable")
  return 0
}

private func again(_ text: [UInt8]) -> JSONValue {
  let limits = JSONLimits(maximumBytes: text.count, rejectsDuplicates: true)
  return mustSucceed("written text does not parse") { try JSONValue(parsing: text, limits: limits) }
}

/// Reads the value in every way.
private func read(_ value: JSONValue) {
  if case .double(let number) = value { check(number.isFinite, "a number that JSON cannot express") }
  if let whole = value.integer, case .int(let number) = value { check(whole == number, "another integer") }
  for item in value.array ?? [] { read(item) }
  for member in value.object?.members ?? [] {
    check(value[member.name].map { same($0, member.value) } == true, "a member is not found by its name")
    read(member.value)
  }
}

private func depth(_ value: JSONValue) -> Int {
  switch value {
  case .array(let items): 1 + (items.map(depth).max() ?? 0)
  case .object(let object): 1 + (object.members.map { depth($0.value) }.max() ?? 0)
  default: 0
  }
}

/// Equal byte by byte. A whole `Double` is written without a point and so comes back as an integer.
private func same(_ a: JSONValue, _ b: JSONValue) -> Bool {
  switch (a, b) {
  case (.int(let whole), .double(let number)), (.double(let number), .int(let whole)): return number == Double(whole)
  case (.string(let a), .string(let b)): return a.utf8.elementsEqual(b.utf8)
  case (.array(let a), .array(let b)): return a.count == b.count && zip(a, b).allSatisfy(same)
  case (.object(let a), .object(let b)):
    return a.members.count == b.members.count
      && zip(a.members, b.members).allSatisfy { $0.name.utf8.elementsEqual($1.name.utf8) && same($0.value, $1.value) }
  default: return a == b
  }
}
