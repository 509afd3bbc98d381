import Crypto
import Foundation
import Keys

enum SoftwareKeyFixture {
  static func key(_ key: P256.Signing.PrivateKey) throws -> SoftwareKey {
    try SoftwareKey(pkcs8: Array(key.derRepresentation), id: "test")
  }
}
