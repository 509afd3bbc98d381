import Console
import Flags
import SPIREProtos

/// A CA or signing key of the server as the authority commands show it.
enum AuthorityReport {
  /// The two kinds of authority, under the names that the output uses.
  enum Kind: String, Sendable, CaseIterable {
    case x509 = "X.509"
    case jwt = "JWT"

    /// As it stands in commands and flags.
    var word: String { self == .x509 ? "x509" : "jwt" }
    var article: String { self == .x509 ? "an" : "a" }
    /// An ID for examples.
    var exampleID: String {
      self == .x509 ? "1dd515e64959aa19e6bf44838201dcef62c85cf9" : "MSibt0CKzhz7r988XJjnfcPGkw12l2zW"
    }
  }

  typealias Authority = Spire_Api_Server_Localauthority_V1_AuthorityState

  static func print(_ authority: Authority, _ kind: Kind, io: CommandIO) {
    io.print("  Authority ID: \(authority.authorityID)")
    io.print("  Expires at: \(Times.utc(authority.expiresAt))")
    guard kind == .x509 else { return }
    if authority.upstreamAuthoritySubjectKeyID.isEmpty {
      io.print("  Upstream authority ID: No upstream authority")
    } else {
      io.print("  Upstream authority Subject Key ID: \(authority.upstreamAuthoritySubjectKeyID)")
    }
  }

  /// `Tainted X.509 authority:` and the authority.
  static func print(
    _ done: String, _ authority: Authority, _ kind: Kind, io: CommandIO
  ) {
    io.print("\(done) \(kind.rawValue) authority:")
    print(authority, kind, io: io)
  }

  /// The authorities in the three states, nil for one that there is not.
  static func print(
    _ slots: [(state: String, authority: Authority?)], _ kind: Kind,
    io: CommandIO
  ) {
    for (index, slot) in slots.enumerated() {
      if index > 0 { io.print() }
      io.print("\(slot.state) \(kind.rawValue) authority:")
      if let authority = slot.authority {
        print(authority, kind, io: io)
      } else {
        io.print("  No \(slot.state.lowercased()) \(kind.rawValue) authority found")
      }
    }
  }
}
