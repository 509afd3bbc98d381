import Console
import Daemon
import Flags
import FoundationEssentials
import SPIFFE
import SPIREProtos
import SwiftProtobuf

/// The two forms in which bundles are printed and read.
enum BundleFormat: String, Sendable {
  case pem
  case spiffe

  /// The form under its name on the command line.
  init(name: String) throws(CommandFailure) {
    guard let format = BundleFormat(rawValue: name.lowercased()) else {
      throw CommandFailure("invalid format: \(GoText.quote(name))")
    }
    self = format
  }

  /// The bundle in this form, ending in a newline. PEM holds the X.509 authorities only.
  func text(_ bundle: Spire_Api_Types_Bundle) throws -> String {
    switch self {
    case .pem:
      return bundle.x509Authorities.map { PEM.encode(Array($0.asn1), type: "CERTIFICATE") }.joined()
    case .spiffe:
      let text = try BundleDocument.encode(bundle.value(), includesWITAuthorities: true)
      return text.hasSuffix("\n") ? text : text + "\n"
    }
  }

  /// Reads a bundle of `trustDomain`.
  func parse(_ bytes: [UInt8], trustDomain: TrustDomain) throws -> Spire_Api_Types_Bundle {
    switch self {
    case .pem:
      let blocks = try PEM.decode(String(decoding: bytes, as: UTF8.self))
      var bundle = Spire_Api_Types_Bundle()
      bundle.trustDomain = trustDomain.name
      for block in blocks {
        guard block.type == "CERTIFICATE" else {
          throw CommandFailure("unexpected PEM block \(GoText.quote(block.type)): a bundle holds only CERTIFICATE")
        }
        _ = try X509Certificates.parse(der: block.der)
        bundle.x509Authorities.append(.with { $0.asn1 = Data(block.der) })
      }
      if blocks.isEmpty { throw CommandFailure("no PEM blocks") }
      return bundle
    case .spiffe:
      // Unlike the server, which polls the same documents, the command keeps the sequence number.
      let bundle = try BundleDocument.decode(bytes, trustDomain: trustDomain, reading: .standard)
      return Spire_Api_Types_Bundle(bundle)
    }
  }
}

extension Spire_Api_Types_Bundle {
  /// The message of a bundle.
  init(_ bundle: Bundle) {
    self.init()
    trustDomain = bundle.trustDomain.name
    refreshHint = bundle.refreshHint
    sequenceNumber = bundle.sequenceNumber
    x509Authorities = bundle.x509Authorities.map { authority in
      .with {
        $0.asn1 = Data(authority.der)
        $0.tainted = authority.tainted
      }
    }
    jwtAuthorities = bundle.jwtAuthorities.map { authority in
      .with {
        $0.publicKey = Data(authority.publicKey)
        $0.keyID = authority.keyID
        $0.expiresAt = authority.expiresAt
        $0.tainted = authority.tainted
      }
    }
    witAuthorities = bundle.witAuthorities.map { authority in
      .with {
        $0.publicKey = Data(authority.publicKey)
        $0.keyID = authority.keyID
        $0.expiresAt = authority.expiresAt
        $0.tainted = authority.tainted
      }
    }
  }

  /// The bundle that the message holds.
  func value() throws -> Bundle {
    Bundle(
      trustDomain: try TrustDomain(trustDomain),
      x509Authorities: x509Authorities.map { X509Authority(der: Array($0.asn1), tainted: $0.tainted) },
      jwtAuthorities: jwtAuthorities.map {
        JWTAuthority(publicKey: Array($0.publicKey), keyID: $0.keyID, expiresAt: $0.expiresAt, tainted: $0.tainted)
      },
      witAuthorities: witAuthorities.map {
        JWTAuthority(publicKey: Array($0.publicKey), keyID: $0.keyID, expiresAt: $0.expiresAt, tainted: $0.tainted)
      },
      refreshHint: refreshHint, sequenceNumber: sequenceNumber)
  }
}
