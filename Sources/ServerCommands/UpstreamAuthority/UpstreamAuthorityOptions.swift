import Console
import Flags

/// The flag by which a command chooses an authority of the upstream CA.
struct UpstreamAuthorityOptions: ServerOptions, PrintingOptions {
  var socket = ServerSocket()
  var output = OutputChoice()
  var subjectKeyID = ""

  /// The flag `-subjectKeyID` with a usage text for `verb`.
  static func flags(_ verb: String) -> [Flag<UpstreamAuthorityOptions>] {
    [.string("subjectKeyID", \.subjectKeyID, "Subject Key ID of the upstream X.509 authority to \(verb)")]
  }

  func required() throws(CommandFailure) -> String {
    if subjectKeyID.isEmpty { throw CommandFailure("the Subject Key ID of the X.509 upstream authority is required") }
    return subjectKeyID
  }
}
