import Authority
import SPIFFE

/// The authorities of a bundle by ID, and whether each is tainted. A value.
struct BundleContents: Hashable, Sendable {
  private let x509: [String: Bool]
  private let jwt: [String: Bool]

  init(_ bundle: Bundle) {
    var x509: [String: Bool] = [:]
    for item in bundle.x509Authorities {
      guard let certificate = try? X509Certificates.parse(der: item.der),
        let id = X509Certificates.subjectKeyIdentifier(of: certificate)
      else { continue }
      // The bundle may list an authority twice, tainted and not.
      x509[Self.hex(id), default: false] = x509[Self.hex(id), default: false] || item.tainted
    }
    self.x509 = x509
    jwt = Dictionary(bundle.jwtAuthorities.map { ($0.keyID, $0.tainted) }, uniquingKeysWith: { $0 || $1 })
  }

  /// Whether the bundle says what is asked for.
  func says(_ question: AuthorityQuestion) -> Bool {
    let items = question.kind == .x509 ? x509 : jwt
    switch question.what {
    case .known: return question.ids.contains { items[$0] != nil }
    case .tainted, .replaced: return question.ids.allSatisfy { items[$0] != false }
    }
  }

  private static func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
