// Whatever a server's entry says, the store disk stays below its base folder: every path that is taken consists of plain
// names.

import FuzzSupport

@testable import AgentPlugins

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzStorePlace(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let lines = fuzzedBytes(start, count).split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
  guard let place = try? DiskStorePlace(lines) else { return 0 }
  check(!place.folders.isEmpty && place.folders.count <= 16, "no folder, or too many")
  for name in place.folders {
    let isPlain = !name.isEmpty && name.utf8.first != 0x2E && name.utf8.allSatisfy { $0 > 0x20 && $0 != 0x2F }
    check(isPlain, "a name that is none: \(name)")
  }
  check(lines.contains("dir:" + place.folders.joined(separator: "/")), "another path than the entry's")
  return 0
}
