package import Flags

/// Words that flags of several commands choose from.
extension ArgumentKind {
  package static let bundleFormat = oneOf(["pem", "spiffe"])
  package static let matchBehavior = oneOf(["exact", "any", "superset", "subset"])
  package static let logLevel = oneOf(["panic", "fatal", "error", "warn", "info", "debug", "trace"])
  package static let logFormat = oneOf(["text", "json"])
  package static let yesOrNo = oneOf(["true", "false"])
}
