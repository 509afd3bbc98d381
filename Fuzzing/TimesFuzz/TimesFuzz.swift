// Any text must give a duration, a time, a deadline or a refusal, what is accepted must read back as itself, and any
// number that a peer may send as a time must be printable: the first eight bytes are that number.

import FoundationEssentials
import FuzzSupport

@testable import Daemon
@testable import RPC

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTimes(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  let text = String(decoding: bytes, as: UTF8.self)
  if let duration = try? GoDuration.parse(text) {
    let written = GoDuration.format(duration)
    let again = mustSucceed("a written duration does not parse") { try GoDuration.parse(written) }
    check(again == duration, "\(text) is written as \(written)")
  }
  if let date = GoTime.parseRFC3339(text) { read(date) }
  if let timeout = GRPCTimeout.parse(text) { check(timeout >= .zero, "a negative deadline") }

  let number = bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
  let seconds = Int64(bitPattern: number)
  print(Date(timeIntervalSince1970: Double(seconds)))
  print(Date(timeIntervalSinceReferenceDate: Double(bitPattern: number)))
  for duration in [Duration.seconds(seconds), .nanoseconds(seconds)] {
    let written = GoDuration.format(duration)
    _ = mustSucceed("a written duration does not parse") { try GoDuration.parse(written) }
  }
  return 0
}

/// A zone can move a time out of the years 0 to 9999, which is all that the text has room for.
private func read(_ date: Date) {
  let written = GoTime.rfc3339(date, nanos: true)
  guard let again = GoTime.parseRFC3339(written) else {
    let interval = date.timeIntervalSince1970
    return check(interval < -62_167_219_200 || interval >= 253_402_300_800, "\(written) does not parse")
  }
  check(abs(again.timeIntervalSince(date)) < 1e-3, "\(written) reads back as another time")
}

private func print(_ date: Date) {
  for text in [GoTime.string(date), GoTime.rfc3339(date, nanos: true, isLocal: true)] {
    check(text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }, "not a text")
  }
}
