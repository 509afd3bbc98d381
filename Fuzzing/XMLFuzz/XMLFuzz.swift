// Any bytes give an element or an error, and the elements and texts are not more than the bytes can hold.

import FuzzSupport

@testable import AWS

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzXML(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  guard let root = try? XMLParser.parse(bytes) else { return 0 }
  // An element has three bytes at least; a byte that is no UTF-8 becomes three.
  func size(_ element: XMLElement) -> Int {
    element.children.reduce(3 + element.text.utf8.count / 3) { $0 + size($1) }
  }
  check(size(root) <= bytes.count + 3, "more came out than went in")
  return 0
}
