// cmd_args is split or refused, whatever it holds, and a text without quotes and line ends is split at its blanks alone.

import FuzzSupport

@testable import SVIDFiles

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzCommandArguments(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let text = String(decoding: fuzzedBytes(start, count), as: UTF8.self)
  let split = try? CommandArguments.split(text)
  if text.isEmpty || text.utf8.contains(where: { $0 == 0x22 || $0 == 0x0A || $0 == 0x0D }) { return 0 }
  let words = Array(text.utf8).split(separator: 0x20, omittingEmptySubsequences: false)
  check(split == words.map { String(decoding: $0, as: UTF8.self) }, "not at the blanks")
  let quoted = "\"" + text + "\" end"
  check((try? CommandArguments.split(quoted)) == [text, "end"], "a quoted argument came apart")
  return 0
}
