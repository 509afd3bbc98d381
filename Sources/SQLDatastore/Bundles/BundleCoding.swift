import DatastoreAPI
import FoundationEssentials
import SPIFFE
import SPIREProtos
import SwiftProtobuf

/// The `data` column of `bundles`: a protobuf `spire.common.Bundle`.
enum BundleCoding {
  static func encode(_ bundle: Bundle) throws(DatastoreError) -> [UInt8] {
    let message = Spire_Common_Bundle.with {
      $0.trustDomainID = bundle.trustDomain.idString
      $0.rootCas = bundle.x509Authorities.map { authority in
        .with {
          $0.derBytes = Data(authority.der)
          $0.taintedKey = authority.tainted
        }
      }
      $0.jwtSigningKeys = bundle.jwtAuthorities.map(publicKey)
      $0.refreshHint = bundle.refreshHint
      $0.sequenceNumber = bundle.sequenceNumber
      $0.witSigningKeys = bundle.witAuthorities.map(publicKey)
    }
    do {
      return try message.serializedBytes()
    } catch {
      throw .sql(.internal, "cannot encode the bundle of \"\(bundle.trustDomain)\": \(error)", cause: error)
    }
  }

  static func decode(_ bytes: [UInt8], row trustDomainID: String) throws(DatastoreError) -> Bundle {
    do {
      let message = try Spire_Common_Bundle(serializedBytes: bytes)
      return Bundle(
        trustDomain: try TrustDomain(trustDomainID),
        x509Authorities: message.rootCas.map { X509Authority(der: Array($0.derBytes), tainted: $0.taintedKey) },
        jwtAuthorities: message.jwtSigningKeys.map(authority), witAuthorities: message.witSigningKeys.map(authority),
        refreshHint: message.refreshHint, sequenceNumber: message.sequenceNumber)
    } catch {
      throw .damagedRow("the bundle of \"\(trustDomainID)\"", cause: error)
    }
  }

  private static func publicKey(_ authority: JWTAuthority) -> Spire_Common_PublicKey {
    .with {
      $0.pkixBytes = Data(authority.publicKey)
      $0.kid = authority.keyID
      $0.notAfter = authority.expiresAt
      $0.taintedKey = authority.tainted
    }
  }

  private static func authority(_ key: Spire_Common_PublicKey) -> JWTAuthority {
    JWTAuthority(
      publicKey: Array(key.pkixBytes), keyID: key.kid, expiresAt: key.notAfter, tainted: key.taintedKey)
  }
}
