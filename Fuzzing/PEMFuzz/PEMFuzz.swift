// Any text must give PEM blocks or an error, each block must read back as itself, and base64 must have one text for each
// byte string.

import FuzzSupport
import SPIFFE

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPEM(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let text = String(decoding: fuzzedBytes(start, count), as: UTF8.self)
  if let blocks = try? PEM.decode(text) { read(blocks, text) }
  if let bytes = try? Base64.decode(text) {
    check(Base64.encode(bytes).utf8.elementsEqual(text.utf8), "a second base64 text for the same bytes")
    check((try? Base64.decode(text, ignoringNewlines: true)) == bytes, "ignoring newlines changes the bytes")
  }
  if let bytes = try? Base64.decodeURL(text) {
    check(Base64.encodeURL(bytes).utf8.elementsEqual(text.utf8), "a second base64url text for the same bytes")
  }
  return 0
}

private func read(_ blocks: [PEM.Block], _ text: String) {
  var whole = ""
  for block in blocks {
    let written = PEM.encode(block.der, type: block.type)
    check(written.utf8.split(separator: 0x0A).allSatisfy { $0.count <= 64 || $0.contains(0x2D) }, "a line is too long")
    whole += written
    let certificates = blocks.filter { $0.type == block.type }.map(\.der)
    check((try? PEM.decode(text, type: block.type)) == certificates, "a block is not found by its type")
  }
  let again = mustSucceed("written text does not parse") { try PEM.decode(whole) }
  check(again.count == blocks.count, "\(blocks.count) blocks read back as \(again.count)")
  for (old, new) in zip(blocks, again) {
    check(old.type.utf8.elementsEqual(new.type.utf8) && old.der == new.der, "a block reads back as another one")
  }
}
