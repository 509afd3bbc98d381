// Whatever is taken for a URL to fetch something from can stand in a request line and a header without ending either, and
// reads back as itself; so does whatever a redirection from it leads to.

import FuzzSupport
import HTTP

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzWebURL(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let lines = fuzzedBytes(start, count).split(
    separator: UInt8(ascii: "\n"), maxSplits: 1, omittingEmptySubsequences: false)
  let text = String(decoding: lines[0], as: UTF8.self)
  guard let url = try? WebURL(text) else { return 0 }
  checkSafe(url)
  if lines.count > 1, let next = try? url.redirected(to: String(decoding: lines[1], as: UTF8.self)) { checkSafe(next) }
  return 0
}

private func checkSafe(_ url: WebURL) {
  check((url.authority + url.target).utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "\(url) is not safe to send")
  check(!url.host.isEmpty && (1...65535).contains(url.port), "\(url) has no host or port")
  check(url.target.hasPrefix("/") && !url.target.contains("#"), "\(url) has no path, or a fragment")
  // What is escaped grows: a URL of nearly 4,096 bytes may no longer be one that is read.
  guard url.description.utf8.count <= 4096 else { return }
  check(mustSucceed("\(url) is not a URL") { try WebURL(url.description) } == url, "\(url) reads back as another")
}
