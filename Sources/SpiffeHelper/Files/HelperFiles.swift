import Keys
import SVIDFiles

/// Writes the helper's files, beside the cooperative pool. A value; each file has one writer, so nothing is serialised.
struct HelperFiles: Sendable {
  let directory: String

  /// Puts files in place: all of them, or none.
  func write(_ files: [PlannedFile]) async throws {
    let directory = directory
    try await BackgroundWork.run { try OutputFolder.open(directory).replace(files) }
  }

  /// Whether they are all there.
  func hasAll(_ files: [PlannedFile]) async -> Bool {
    let directory = directory
    let names = files.map(\.name)
    let found = try? await BackgroundWork.run { try OutputFolder.open(directory).hasAll(names) }
    return found == true
  }
}
