import Console
import Flags
import SPIREProtos

/// The flag by which a command chooses one agent.
struct AgentIDOptions: ServerOptions, PrintingOptions {
  var socket = ServerSocket()
  var output = OutputChoice()
  var spiffeID = ""

  /// The flag `-spiffeID` with a usage text for `verb`.
  static func flags(_ verb: String) -> [Flag<AgentIDOptions>] {
    [.string("spiffeID", \.spiffeID, "SPIFFE ID of the agent to \(verb)").takes(.spiffeID)]
  }

  func id() throws(CommandFailure) -> Spire_Api_Types_SPIFFEID {
    if spiffeID.isEmpty { throw CommandFailure("a SPIFFE ID is required") }
    return try .init(spiffeID, flag: "spiffeID")
  }
}
