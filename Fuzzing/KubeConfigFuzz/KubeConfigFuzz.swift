// Whatever a kubeconfig holds: it is read or refused with one short line, and what it asks for can be sent. The same for what a
// credential plugin prints.

import FuzzSupport
import HTTP

@testable import Kubernetes

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzKubeConfig(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  do {
    _ = try YAMLReader.parse(bytes)
  } catch {
    check("\(error)".utf8.count <= 512, "a refusal that is long")
  }
  do {
    let token = try ExecCredential(bytes, version: .v1).token
    check(!token.contains { $0.isNewline }, "a token that is more than one header")
  } catch {
    check("\(error)".utf8.count <= 1024, "a refusal that is long")
  }
  if let config = try? KubeConfig(bytes, folder: "/nowhere/") {
    check(config.cluster.server.target.hasPrefix("/"), "a server without a path")
  }
  return 0
}
