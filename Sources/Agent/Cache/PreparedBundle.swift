package import FoundationEssentials
package import SPIFFE
import Synchronization

/// A bundle with the forms in which workloads get it, made once and shared. Immutable but for the forms made on first
/// use.
package final class PreparedBundle: Sendable {
  package let bundle: Bundle
  private let forms = Mutex<(der: [UInt8]?, pem: Data?, jwks: [UInt8]?, witJWKS: String?)>((nil, nil, nil, nil))

  package init(_ bundle: Bundle) { self.bundle = bundle }

  package var trustDomain: TrustDomain { bundle.trustDomain }

  /// The X.509 authorities' DER bytes one after the other.
  package var x509Authorities: [UInt8] {
    forms.withLock { forms in
      if let made = forms.der { return made }
      let made = bundle.x509Authorities.flatMap(\.der)
      forms.der = made
      return made
    }
  }

  /// The X.509 authorities as PEM text.
  package var pem: Data {
    forms.withLock { forms in
      if let made = forms.pem { return made }
      let made = Data(bundle.x509Authorities.map { PEM.encode($0.der, type: "CERTIFICATE") }.joined().utf8)
      forms.pem = made
      return made
    }
  }

  /// The JWT authorities as a JWK set.
  package func jwks() throws -> [UInt8] {
    try forms.withLock { forms in
      if let made = forms.jwks { return made }
      let made = Array(try BundleDocument.encodeJWKS(jwtAuthorities: bundle.jwtAuthorities).utf8)
      forms.jwks = made
      return made
    }
  }

  /// The WIT authorities as a JWK set.
  package func witJWKS() throws -> String {
    try forms.withLock { forms in
      if let made = forms.witJWKS { return made }
      let made = try BundleDocument.encodeJWKS(witAuthorities: bundle.witAuthorities)
      forms.witJWKS = made
      return made
    }
  }
}

extension [PreparedBundle] {
  /// The X.509 authorities, by the ids of their trust domains.
  package var x509Authorities: [String: Data] {
    Dictionary(map { ($0.trustDomain.idString, Data($0.x509Authorities)) }) { $1 }
  }

  /// The JWK sets, by the ids of their trust domains.
  package func jwks() throws -> [String: Data] {
    try Dictionary(map { ($0.trustDomain.idString, Data(try $0.jwks())) }) { $1 }
  }
}
