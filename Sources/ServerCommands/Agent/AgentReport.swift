import Console
import Daemon
import Flags
import SPIREProtos

/// An attested agent as the agent commands show it: labels 18 columns wide, and an empty line.
enum AgentReport {
  /// - Parameter watch: the agent's watch stream, if there is one.
  static func print(_ agent: Spire_Api_Types_Agent, watch: AgentWatches.Watch? = nil, io: CommandIO) {
    line("SPIFFE ID", agent.id.text, io)
    line("Attestation type", agent.attestationType, io)
    line("Expiration time", Times.local(agent.x509SvidExpiresAt), io)
    // A banned agent has no certificate that would still be accepted.
    if agent.banned {
      line("Banned", "true", io)
    } else {
      line("Serial number", agent.x509SvidSerialNumber, io)
    }
    line("Can re-attest", String(agent.canReattest), io)
    if !agent.agentVersion.isEmpty { line("Agent version", agent.agentVersion, io) }
    if let watch { line("Watching", AgentWatches.text(watch), io) }
    io.print()
  }

  /// One line with its label.
  static func line(_ label: String, _ value: String, _ io: CommandIO) {
    io.print(label + String(repeating: " ", count: 18 - label.utf8.count) + ": " + value)
  }
}
