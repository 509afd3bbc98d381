// Whatever a kubelet or an API server says, in a list, an object or a stream: pods have UIDs, each one once; messages stay on
// one line and short; a stream reads the same in whatever bits it comes.

import FuzzSupport
import Kubernetes

@testable import AgentPlugins

private func events(_ bytes: [UInt8], every size: Int) -> [WatchLines.Event]? {
  var lines = WatchLines()
  var events: [WatchLines.Event] = []
  var rest = bytes[...]
  while !rest.isEmpty {
    guard let more = try? lines.add(Array(rest.prefix(size))) else { return nil }
    events += more
    rest = rest.dropFirst(size)
  }
  return events
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzKubernetesAnswer(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  if let pods = try? PodList.parse(bytes) {
    check(pods.allSatisfy { !$0.uid.isEmpty }, "a pod without UID")
    check(Set(pods.map(\.uid)).count == pods.count, "two pods with one UID")
    let list = PodList(version: 1, startedAt: .zero, pods: pods)
    for pod in pods {
      check(pod.selectors.count >= 7, "a pod without its selectors")
      for container in pod.containers {
        guard let id = container.runtimeID else { continue }
        check(list.find(container: String(id), podUID: pod.uid) != .nothing, "a container that is not found")
      }
    }
  }
  _ = try? PodRecord(parsing: bytes)
  _ = try? MetadataList(parsing: bytes)
  let said = "\(APIServerFailure(status: 500, body: bytes))"
  check(said.utf8.count <= 4096 && said.utf8.allSatisfy { $0 >= 0x20 }, "a refusal that is no line")
  let whole = events(bytes, every: max(1, bytes.count))
  check(whole == events(bytes, every: 7), "a stream that reads otherwise in bits")
  return 0
}
