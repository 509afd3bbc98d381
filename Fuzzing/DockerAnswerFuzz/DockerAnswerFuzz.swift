// Whatever a container engine answers, what is taken out of it is text that stands in it, labels are sorted, a refusal is
// one line, and no version is spoken that is no version.

import FuzzSupport
import HTTP

@testable import AgentPlugins

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDockerAnswer(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  if let container = try? DockerContainer(parsing: bytes) {
    let keys = container.labels.map(\.key)
    check(keys == keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }, "labels out of order")
    // A key of two bytes costs at least `"k":"",`.
    check(
      container.labels.count * 5 <= bytes.count && container.environment.count * 3 <= bytes.count, "more than there is")
    let path = DockerEngine.escape(container.imageName)
    check(path.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "?") }, "an image that leaves its path")
  }
  _ = try? DockerContainer.imageID(parsing: bytes)
  if let message = DockerContainer.message(parsing: bytes) {
    check(message.unicodeScalars.allSatisfy { $0.value >= 0x20 }, "a refusal with control characters")
  }
  let text = String(decoding: bytes, as: UTF8.self)
  if let version = try? DockerAPIVersion(text) {
    check((try? DockerAPIVersion(version.description)) == version, "a version that reads back as another")
  }
  if let address = try? DockerAddress(text), let target = try? address.target("/_ping") {
    check(target.url.target == "/_ping", "an address that changes the path")
  }
  return 0
}
