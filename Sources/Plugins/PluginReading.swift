package import HCL

/// Reads the data of a plugin into its settings, and says everything that is wrong with it at once. Used by one
/// initialiser and not kept.
package struct PluginReading<Failure: Error> {
  private let decoding: HCLDecoding
  private let failure: (_ message: String, _ cause: (any Error)?) -> Failure
  private var problems: [String] = []
  /// The keys at the top.
  package var root: HCLSection

  /// - Parameter failure: makes the plugin's error of a message and its cause.
  package init(
    _ data: PluginData, failure: @escaping (_ message: String, _ cause: (any Error)?) -> Failure
  ) throws(Failure) {
    self.failure = failure
    do {
      decoding = HCLDecoding(try HCLDocument.parse(data.text, file: data.file ?? "plugin_data"))
    } catch {
      throw failure("unable to decode configuration: \(error)", error)
    }
    root = decoding.root
  }

  /// Notes a problem; the first one that is noted stands first.
  package mutating func report(_ problem: String) { problems.append(problem) }

  /// Throws what was noted, and what has the wrong type.
  package func finish() throws(Failure) {
    do { try decoding.finish() } catch { throw failure("unable to decode configuration: \(error)", error) }
    guard problems.isEmpty else { throw failure(problems.joined(separator: "; "), nil) }
  }
}
