/// Names of the files that commands write.
package enum OutputPath {
  /// `name` in `directory`.
  package static func join(_ directory: String, _ name: String) -> String {
    directory.hasSuffix("/") ? directory + name : directory + "/" + name
  }
}
