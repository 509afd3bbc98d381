/// What is learned while one document is read into a configuration: problems, unknown keys, and where each key stands.
///
/// The sections of a document share it. It is used by one reader at a time and not kept after reading.
package final class HCLDecoding {
  /// The keys of a section that nobody asked for.
  package struct UnknownKeys: Hashable, Sendable {
    /// The section's name as messages give it.
    package let section: String
    /// Sorted, each once.
    package let keys: [String]
    /// Where each key stands first.
    package let positions: [HCLPosition]
  }

  package let document: HCLDocument
  package private(set) var problems: [HCLError.Problem] = []
  package private(set) var unknownKeys: [UnknownKeys] = []
  /// Where the value of each key stands that was read, by its path: `server.bind_port`.
  package private(set) var positions: [String: HCLPosition] = [:]

  package init(_ document: HCLDocument) { self.document = document }

  /// The file's top level.
  package var root: HCLSection {
    HCLSection(
      self, path: "", position: document.root.position,
      entries: document.root.items.map { .init(keys: $0.keys[...], value: $0.value) })
  }

  /// Throws the problems that were met, if any.
  package func finish() throws(HCLError) {
    guard !problems.isEmpty else { return }
    throw HCLError(.type, file: document.file, problems: problems.sorted { $0.position < $1.position })
  }

  func add(_ position: HCLPosition, _ message: String) { problems.append(.init(position, message)) }

  func add(_ unknown: UnknownKeys) { unknownKeys.append(unknown) }

  func record(_ path: String, _ position: HCLPosition) { positions[path] = position }
}
