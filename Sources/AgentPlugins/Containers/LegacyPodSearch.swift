/// The rules by which `k8s` found pods before the container locator: `use_new_container_locator = false` (agent-plugins §7,
/// rule 8).
///
/// A value; the paths of `/proc/<pid>/cgroup` are added in the order of the file.
struct LegacyPodSearch: Equatable {
  private(set) var containerID: String?
  private(set) var podUID: String?

  /// Takes one path; one of another form is passed over.
  mutating func add(_ path: String) throws(ContainerConflict) {
    guard let found = Self.find(in: path) else { return }
    if let podUID, let new = found.podUID, podUID != new { throw ContainerConflict(legacy: "pod UIDs", podUID, new) }
    if let containerID, containerID != found.containerID {
      throw ContainerConflict(legacy: "container IDs", containerID, found.containerID)
    }
    podUID = podUID ?? found.podUID
    containerID = found.containerID
  }

  /// `…pod<uid>…<id>` or, without a pod's UID, `…crio-<id>`; a `.scope` at the end does not count.
  static func find(in path: String) -> (containerID: String, podUID: String?)? {
    var bytes = Array(path.utf8)
    let suffix = Array(".scope".utf8)
    if bytes.suffix(suffix.count).elementsEqual(suffix) { bytes.removeLast(suffix.count) }
    let start = bytes.count - ContainerText.idLength
    guard start > 0, bytes[start...].allSatisfy(ContainerText.isHex), ContainerText.isPunctuation(bytes[start - 1])
    else { return nil }
    let containerID = String(decoding: bytes[start...], as: UTF8.self)
    let front = bytes[..<start]
    for index in front.indices.dropFirst() where ContainerText.isPunctuation(front[index - 1]) {
      guard
        let (uid, end) = ContainerText.podUID(
          at: index, in: front, isSeparator: ContainerText.isPunctuation, separatorsAreOptional: true),
        end < front.endIndex, ContainerText.isPunctuation(front[end]), isSpaced(front[end...])
      else { continue }
      return (containerID, uid)
    }
    let crio = front.dropLast().suffix(5)
    guard crio.count == 5, ContainerText.isPunctuation(crio[crio.startIndex]),
      crio.dropFirst().elementsEqual("crio".utf8)
    else { return nil }
    return (containerID, nil)
  }

  /// Whether no two marks of punctuation follow one another.
  private static func isSpaced(_ bytes: ArraySlice<UInt8>) -> Bool {
    !zip(bytes, bytes.dropFirst()).contains { ContainerText.isPunctuation($0) && ContainerText.isPunctuation($1) }
  }
}
