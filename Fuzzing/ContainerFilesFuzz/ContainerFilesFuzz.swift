// Whatever the tables of a process hold, an id is 64 hexadecimal digits that stand in them, a pod's UID has its form, and
// both rules take no longer than the bytes are long. The mount table gives the same roots in whatever pieces it comes.

import FuzzSupport

@testable import AgentPlugins

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzContainerFiles(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  if let paths = try? CgroupFile.paths(parsing: bytes) {
    var search = ContainerSearch(findsPods: true)
    var legacy = LegacyPodSearch()
    for path in paths {
      try? search.add(path)
      try? legacy.add(path)
    }
    claim(search.containerID, search.podUID, in: paths)
    if let id = legacy.containerID { check(isID(id, in: paths), "an id of the old rules that is none") }
  }
  let whole = roots(bytes, pieces: max(1, bytes.count))
  check(roots(bytes, pieces: 1 + bytes.count % 5) == whole, "other roots in other pieces")
  return 0
}

private func claim(_ containerID: String?, _ podUID: String?, in paths: [String]) {
  if let containerID { check(isID(containerID, in: paths), "an id that is none") }
  guard let podUID else { return }
  check(containerID != nil, "a pod without a container")
  let lengths = podUID.split(separator: "-", omittingEmptySubsequences: false).map(\.utf8.count)
  check(lengths == [8, 4, 4, 4, 12], "a UID of another form")
}

private func isID(_ id: String, in paths: [String]) -> Bool {
  id.utf8.count == 64 && id.utf8.allSatisfy(ContainerText.isHex) && paths.contains { $0.contains(id) }
}

/// The roots, and nil at the end when the bytes were refused.
private func roots(_ bytes: [UInt8], pieces size: Int) -> [String?] {
  var table = MountTable()
  var found: [String?] = []
  do {
    for start in stride(from: 0, to: bytes.count, by: size) {
      try table.add(bytes[start..<min(start + size, bytes.count)]) { found.append($0) }
    }
  } catch {
    found.append(nil)
  }
  return found
}
