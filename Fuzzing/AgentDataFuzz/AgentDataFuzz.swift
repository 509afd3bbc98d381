// Any bytes must give the agent's stored data or an error, and data that is written must read back as itself.

import Agent
import FuzzSupport
import SPIFFE

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzAgentData(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  guard let data = try? AgentData(decoding: fuzzedBytes(start, count)) else { return 0 }
  for der in data.svid + data.bundle {
    _ = mustSucceed("an accepted certificate does not parse") { try X509Certificates.parse(der: der) }
  }
  let written = data.encoded()
  let again = mustSucceed("written data does not parse") { try AgentData(decoding: written) }
  check(again == data, "data reads back as another value")
  check(again.encoded() == written, "written data is not stable")
  return 0
}
