import DatastoreAPI
import FoundationEssentials
import SPIFFE
import SPIREProtos
import SwiftProtobuf

extension Bundle {
  /// The bundle as the API's message: the parts that `mask` asks for, and always the trust domain.
  func api(mask: Spire_Api_Types_BundleMask?) -> Spire_Api_Types_Bundle {
    let mask = mask ?? .all
    var message = Spire_Api_Types_Bundle()
    message.trustDomain = trustDomain.name
    if mask.refreshHint { message.refreshHint = refreshHint }
    if mask.sequenceNumber { message.sequenceNumber = sequenceNumber }
    if mask.x509Authorities { message.x509Authorities = x509Authorities.map(\.api) }
    if mask.jwtAuthorities { message.jwtAuthorities = jwtAuthorities.map(\.api) }
    if mask.witAuthorities { message.witAuthorities = witAuthorities.map(\.witAPI) }
    return message
  }

  /// Takes a bundle as the API sends it. Each certificate and key has to parse.
  init(_ message: Spire_Api_Types_Bundle) throws(ConversionError) {
    let domain: TrustDomain
    do {
      domain = try TrustDomain(api: message.trustDomain)
    } catch { throw error.prefixed("invalid trust domain") }
    self.init(
      trustDomain: domain, x509Authorities: try X509Authority.list(message.x509Authorities),
      jwtAuthorities: try JWTAuthority.list(message.jwtAuthorities),
      witAuthorities: try JWTAuthority.list(message.witAuthorities), refreshHint: message.refreshHint,
      sequenceNumber: message.sequenceNumber)
  }
}

extension X509Authority {
  var api: Spire_Api_Types_X509Certificate {
    var message = Spire_Api_Types_X509Certificate()
    message.asn1 = Data(der)
    message.tainted = tainted
    return message
  }

  /// Takes certificates: each item may hold several, one after the other, as upstream reads them.
  static func list(_ messages: [Spire_Api_Types_X509Certificate]) throws(ConversionError) -> [X509Authority] {
    var authorities: [X509Authority] = []
    for message in messages {
      do {
        for der in try X509Certificates.splitDER([UInt8](message.asn1)) {
          _ = try X509Certificates.parse(der: der)
          authorities.append(X509Authority(der: der, tainted: message.tainted))
        }
      } catch {
        throw ConversionError("unable to parse X.509 authority: \(error)")
      }
    }
    return authorities
  }
}

extension JWTAuthority {
  var api: Spire_Api_Types_JWTKey {
    var message = Spire_Api_Types_JWTKey()
    message.publicKey = Data(publicKey)
    message.keyID = keyID
    message.expiresAt = expiresAt
    message.tainted = tainted
    return message
  }

  /// The authority as a WIT key.
  var witAPI: Spire_Api_Types_WITKey {
    var message = Spire_Api_Types_WITKey()
    message.publicKey = Data(publicKey)
    message.keyID = keyID
    message.expiresAt = expiresAt
    message.tainted = tainted
    return message
  }

  static func list(_ messages: [Spire_Api_Types_JWTKey]) throws(ConversionError) -> [JWTAuthority] {
    var authorities: [JWTAuthority] = []
    for message in messages {
      let key = [UInt8](message.publicKey)
      do {
        authorities.append(
          try checked(key, message.keyID, message.expiresAt, message.tainted))
      } catch { throw error.prefixed("unable to parse JWT authority") }
    }
    return authorities
  }

  static func list(_ messages: [Spire_Api_Types_WITKey]) throws(ConversionError) -> [JWTAuthority] {
    var authorities: [JWTAuthority] = []
    for message in messages {
      do {
        authorities.append(
          try checked([UInt8](message.publicKey), message.keyID, message.expiresAt, message.tainted))
      } catch { throw error.prefixed("unable to parse WIT authority") }
    }
    return authorities
  }

  private static func checked(
    _ key: [UInt8], _ keyID: String, _ expiresAt: Int64, _ tainted: Bool
  ) throws(ConversionError) -> JWTAuthority {
    do {
      _ = try PublicKey(pkix: key)
    } catch {
      throw ConversionError("\(error)")
    }
    guard !keyID.isEmpty else { throw ConversionError("missing key ID") }
    return JWTAuthority(publicKey: key, keyID: keyID, expiresAt: expiresAt, tainted: tainted)
  }
}

extension Spire_Api_Types_BundleMask {
  static var all: Self {
    var mask = Self()
    mask.x509Authorities = true
    mask.jwtAuthorities = true
    mask.witAuthorities = true
    mask.refreshHint = true
    mask.sequenceNumber = true
    return mask
  }

  var datastoreMask: BundleMask {
    var result: BundleMask = []
    if x509Authorities { result.insert(.x509Authorities) }
    if jwtAuthorities { result.insert(.jwtAuthorities) }
    if witAuthorities { result.insert(.witAuthorities) }
    if refreshHint { result.insert(.refreshHint) }
    if sequenceNumber { result.insert(.sequenceNumber) }
    return result
  }
}
