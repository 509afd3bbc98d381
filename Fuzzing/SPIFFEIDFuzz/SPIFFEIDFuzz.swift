// Any text must be a SPIFFE ID exactly when the rules of SPIFFE-ID §2, written down a second time here, allow it, and an
// ID must be written as it was read.

import FuzzSupport
import SPIFFE

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSPIFFEID(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let text = String(decoding: fuzzedBytes(start, count), as: UTF8.self)
  let id = try? SPIFFEID(text)
  check((id != nil) == Rule.isID(text), "the rules say otherwise about \(text.debugDescription)")
  if let id { read(id, text) }

  let domain = try? TrustDomain(text)
  check((domain != nil) == Rule.isTrustDomain(text), "the rules say otherwise about \(text.debugDescription)")
  if let domain {
    check(domain.name == (id?.trustDomain.name ?? text), "another trust domain than was written")
    check((try? SPIFFEID(domain.idString)) == domain.id, "the trust domain's own ID does not parse")
    let member = try? SPIFFEID(trustDomain: domain, path: text)
    check((member != nil) == Rule.isPath(text), "the rules say otherwise about \(text.debugDescription)")
  }
  let isPath = (try? SPIFFEID.validate(path: text)) != nil
  check(isPath == Rule.isPath(text), "the rules say otherwise about the path \(text.debugDescription)")
  return 0
}

private func read(_ id: SPIFFEID, _ text: String) {
  check(id.description.utf8.elementsEqual(text.utf8), "\(text) is written as \(id)")
  check(id.isMember(of: id.trustDomain), "not a member of its own trust domain")
  check((try? SPIFFEID(trustDomain: id.trustDomain, path: id.path)) == id, "its parts make another ID")
  check(!(id < id), "less than itself")
}

/// The grammar of SPIFFE-ID §2.1 and §2.2, over whole strings instead of a pass over the bytes.
private enum Rule {
  static func isID(_ text: String) -> Bool {
    let scheme = Array("spiffe://".utf8)
    let bytes = Array(text.utf8)
    guard bytes.starts(with: scheme) else { return false }
    let rest = bytes[scheme.count...]
    let domain = rest.prefix { $0 != slash }
    return isName(domain) && isPath(rest.dropFirst(domain.count))
  }

  static func isTrustDomain(_ text: String) -> Bool {
    text.contains(":") || text.utf8.contains(UInt8(ascii: ":")) ? isID(text) : isName(Array(text.utf8)[...])
  }

  static func isPath(_ text: String) -> Bool { isPath(Array(text.utf8)[...]) }

  private static let slash = UInt8(ascii: "/")
  private static let nameCharacters = Set("abcdefghijklmnopqrstuvwxyz0123456789.-_".utf8)
  private static let pathCharacters = nameCharacters.union("ABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)

  private static func isName(_ name: ArraySlice<UInt8>) -> Bool {
    !name.isEmpty && name.allSatisfy(nameCharacters.contains)
  }

  private static func isPath(_ path: ArraySlice<UInt8>) -> Bool {
    if path.isEmpty { return true }
    guard path.first == slash else { return false }
    return path.dropFirst().split(separator: slash, omittingEmptySubsequences: false).allSatisfy { segment in
      !segment.isEmpty && segment.allSatisfy(pathCharacters.contains) && !segment.elementsEqual(".".utf8)
        && !segment.elementsEqual("..".utf8)
    }
  }
}
