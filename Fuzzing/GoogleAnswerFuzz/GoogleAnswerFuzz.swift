// Whatever a file of Google's credentials says, it sends nobody to another server than Google's, Amazon's metadata service,
// this machine, or one that proves itself; what is taken for a token is no other text.

import FoundationEssentials
import FuzzSupport
import HTTP
import SPIFFE

@testable import ServerPlugins

private let now = Date(timeIntervalSince1970: 1_795_291_845)
private let program = mustSucceed("the program") {
  try GoogleExecutable(["command": "/bin/true", "timeout_millis": 5000])
}

private func isGoogles(_ url: WebURL) -> Bool {
  url.scheme == .https && url.port == 443 && url.host.hasSuffix(".googleapis.com")
}

private func isFine(_ credentials: GoogleCredentials) -> Bool {
  switch credentials {
  case .account, .user: return true
  case .impersonated(let impersonation, let source): return isGoogles(impersonation.url) && isFine(source)
  case .external(let account):
    guard isGoogles(account.tokenURL), account.impersonation.map({ isGoogles($0.url) }) ?? true else { return false }
    guard case .url(let url, _, _) = account.source else { return true }
    return url.scheme == .https || GoogleHosts.isNear(url.host)
  }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzGoogleAnswer(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  let text = String(decoding: bytes, as: UTF8.self)
  if GoogleHosts.isService(text, "sts") { check(text.hasSuffix(".googleapis.com"), "a host of somebody else") }
  if let token = try? program.token(in: bytes, "response", at: now) { check(!token.isEmpty, "an empty token") }
  if let token = try? GoogleSubject.token(in: bytes, .text) { check(token.first?.isWhitespace != true, "blanks") }
  _ = try? GoogleSubject.token(in: bytes, .json(field: "token"))
  guard let json = try? JSONValue(parsing: bytes) else { return 0 }
  if let token = try? GoogleToken(json) {
    check(token.text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } && token.lifetime > .zero, "a token of no use")
  }
  if let credentials = try? GoogleCredentials(json) { check(isFine(credentials), "secrets go elsewhere") }
  return 0
}
