import SwiftASN1
import X509

/// Applies the name constraints of one CA to a certificate below it (RFC 5280 §4.2.1.10).
///
/// URI and DNS constraints are evaluated. A constraint of another kind refuses every certificate that has a name of
/// that kind: SPIRE issues none, and a guess would be wrong in one direction or the other. Called by the path builder.
struct NameConstraintChecker {
  /// Most comparisons for one certificate: a CA must not be able to stall a verifier.
  private static let maximumComparisons = 100_000

  private let permitted: [GeneralName]
  private let excluded: [GeneralName]

  init(_ constraints: NameConstraints) {
    permitted = constraints.permittedSubtrees
    excluded = constraints.excludedSubtrees
  }

  /// What is wrong with the names of `certificate`, or nil if they are within the constraints.
  func violation(by certificate: X509Candidate) -> String? {
    guard certificate.names.count <= Self.maximumComparisons / max(1, permitted.count + excluded.count) else {
      return "too many names and name constraints"
    }
    for name in certificate.names {
      if let problem = violation(by: name) { return problem }
    }
    let subject = certificate.certificate.subject
    return subject.isEmpty ? nil : violation(by: .directoryName(subject))
  }

  private func violation(by name: GeneralName) -> String? {
    let kind = Kind(name)
    let permitted = permitted.filter { Kind($0) == kind }
    let excluded = excluded.filter { Kind($0) == kind }
    guard !permitted.isEmpty || !excluded.isEmpty else { return nil }
    guard let host = Self.host(of: name) else {
      return "a \(kind) name cannot be checked against name constraints"
    }
    if excluded.contains(where: { Self.matches(host, $0) }) { return "\(host) is excluded by name constraints" }
    if !permitted.isEmpty, !permitted.contains(where: { Self.matches(host, $0) }) {
      return "\(host) is not permitted by name constraints"
    }
    return nil
  }

  private enum Kind: String, CustomStringConvertible {
    case uri, dns, directory, email, ip, other
    var description: String { rawValue }

    init(_ name: GeneralName) {
      self =
        switch name {
        case .uniformResourceIdentifier: .uri
        case .dnsName: .dns
        case .directoryName: .directory
        case .rfc822Name: .email
        case .ipAddress: .ip
        default: .other
        }
    }
  }

  /// The lower-case host of a URI or DNS name, or nil if it has none that can be compared.
  private static func host(of name: GeneralName) -> String? {
    switch name {
    case .dnsName(let name):
      return isHost(name) ? name.lowercased() : nil
    case .uniformResourceIdentifier(let uri):
      guard let scheme = uri.firstRange(of: "://") else { return nil }
      let host = uri[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
      return isHost(String(host)) ? host.lowercased() : nil
    default: return nil
    }
  }

  /// No user, port, wildcard or percent-encoding: only what a trust domain or a DNS name can hold.
  private static func isHost(_ text: String) -> Bool {
    guard !text.isEmpty, !text.hasPrefix(".") else { return false }
    return text.utf8.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
  }

  private static func matches(_ host: String, _ constraint: GeneralName) -> Bool {
    switch constraint {
    case .uniformResourceIdentifier(let text):
      // With a leading dot any host below it, without it that host alone.
      let text = text.lowercased()
      return text.hasPrefix(".") ? host.hasSuffix(text) : host == text
    case .dnsName(let text):
      // The name itself or anything below it; an empty constraint is every name. A leading dot is tolerated, as in Go.
      let text = text.lowercased()
      if text.isEmpty { return true }
      return text.hasPrefix(".") ? host.hasSuffix(text) : host == text || host.hasSuffix("." + text)
    default: return false
    }
  }
}
