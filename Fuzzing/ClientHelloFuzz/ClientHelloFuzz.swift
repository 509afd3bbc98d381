// Whatever comes first on a connection is read within bounds, cut into whatever records; what is taken for a name can be
// looked up, and what follows a hello changes nothing of it.

import FuzzSupport
import WebCertificates

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzClientHello(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  let reading = ClientHello.read(bytes)
  guard case .hello(let hello) = reading else { return 0 }
  check(hello.serverName.map { !$0.isEmpty && $0 == $0.lowercased() } ?? true, "a name that is none")
  check(hello.protocols.allSatisfy { !$0.isEmpty }, "a protocol without a name")
  check(ClientHello.read(bytes + [22, 3, 3, 0, 0]) == reading, "what follows the hello was read")
  return 0
}
