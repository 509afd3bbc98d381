// Any block must give a tar header, the end of an archive or an error, and a header that is written must read back.

import FuzzSupport

@testable import Server

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTar(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  var block = Array(fuzzedBytes(start, count).prefix(512))
  block += [UInt8](repeating: 0, count: 512 - block.count)
  // The sum is put right, so that what is behind it is reached.
  let sum = block.enumerated().reduce(0) { $0 + ((148..<156).contains($1.offset) ? 32 : Int($1.element)) }
  let digits = String(sum, radix: 8)
  let text = String(repeating: "0", count: 6 - digits.count) + digits
  block.replaceSubrange(148..<156, with: Array(text.utf8) + [0, 32])
  guard let header = try? TarHeader(block: block) else { return 0 }
  check(header.size >= 0 && header.size <= TarHeader.sizeLimit, "a size that cannot be")
  check((0..<512).contains(header.padding), "a padding that cannot be")
  guard header.name.utf8.count < 99, header.modifiedAt >= 0, header.modifiedAt < 1 << 33, !header.name.contains("\0"),
    header.kind == .file
  else { return 0 }
  let again = mustSucceed("a written header does not parse") { try TarHeader(block: header.block) }
  check(again == header, "another header")
  return 0
}
