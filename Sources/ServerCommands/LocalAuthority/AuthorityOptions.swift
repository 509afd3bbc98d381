import Console
import Flags

/// The flag by which a command chooses an authority.
struct AuthorityOptions: ServerOptions, PrintingOptions {
  var socket = ServerSocket()
  var output = OutputChoice()
  var authorityID = ""

  /// The flag `-authorityID` with a usage text for `verb`.
  static func flags(_ verb: String) -> [Flag<AuthorityOptions>] {
    [.string("authorityID", \.authorityID, "ID of the authority to \(verb), as the show command prints it")]
  }

  func required() throws(CommandFailure) -> String {
    if authorityID.isEmpty { throw CommandFailure("an authority ID is required") }
    return authorityID
  }
}
