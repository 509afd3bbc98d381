// Any bytes are a message or a refusal; what is read out of a message is no longer than it is, and a refusal of the other
// side is one line. An address that is taken has a path that a socket can have. A call that we write is one that we read.

import FuzzSupport

@testable import AgentPlugins

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDBusMessage(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  if let size = try? DBusMessage.size(bytes) {
    check(size >= DBusMessage.prefixSize && size <= DBusMessage.maximumSize, "a length out of bounds")
    let whole = Array((bytes + [UInt8](repeating: 0, count: max(0, size - bytes.count))).prefix(size))
    if let message = try? DBusMessage(parsing: whole) {
      if let text = try? message.text() { check(text.utf8.count < whole.count, "more text than there are bytes") }
      check(message.errorText.unicodeScalars.allSatisfy { $0.value >= 0x20 }, "a refusal with control characters")
    }
  }
  let text = String(decoding: bytes, as: UTF8.self)
  if let address = try? DBusAddress(text) {
    check(address.path.hasPrefix("/") && address.path.utf8.count < 108 && !address.path.utf8.contains(0), "no path")
  }
  let call = DBusCall(
    destination: "a.b", path: "/", interface: "a.b", member: "M", arguments: [.uint32(UInt32(count)), .string(text)])
  let encoded = call.encoded(serial: 1)
  if encoded.count <= DBusMessage.maximumSize {
    let back = mustSucceed("our own call") { try DBusMessage(parsing: encoded) }
    check(back.kind == .call && back.signature == "us", "a call that reads back as another")
  }
  return 0
}
