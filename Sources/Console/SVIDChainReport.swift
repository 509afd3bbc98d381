package import Flags

/// A certificate of the SVID chain that `debug getinfo` prints.
package struct SVIDChainReport {
  package var id: String
  package var subject: String
  package var expiresAt: Int64

  package init(id: String, subject: String, expiresAt: Int64) {
    self.id = id
    self.subject = subject
    self.expiresAt = expiresAt
  }

  package static func print(_ chain: [SVIDChainReport], io: CommandIO) {
    guard !chain.isEmpty else { return }
    io.print("  SVID Chain:")
    for (index, certificate) in chain.enumerated() {
      io.print("    [\(index)] SPIFFE ID:  \(certificate.id.isEmpty ? "(none)" : certificate.id)")
      io.print("        Subject:    \(certificate.subject)")
      io.print("        Expires At: \(Times.rfc3339(certificate.expiresAt))")
    }
  }
}
