// cmd_args is split or refused, whatever it holds, and a text without quotes and line ends is split at its blanks alone.

import FuzzSupport

@testable import SVIDFiles

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzCommandArguments(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let text = String(decoding: fuzzedBytes(start, count), as: UTF8.self)
  let split = try? CommandArguments.split(text)
  if text.isEmpty || text.utf8.contains(where: { $0 == 0x22 || $0 == 0x0A || $0 == 0x0D }) { return 0 }
  check(split == text.split(separator: " ", omittingEmptySubsequences: false).map(String.init), "not at the blanks")
  let quoted = "\"" + text + "\" end"
  check((try? CommandArguments.split(quoted)) == [text, "end"], "a quoted argument came apart")
  return 0
}
