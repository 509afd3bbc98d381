import Crypto
import Daemon
import Foundation
import HCL
import Keys
import SPIFFE

@testable import OIDCDiscovery

/// A configuration of text, checked.
func configuration(_ text: String) throws -> ProviderConfiguration {
  try ProviderConfiguration(try ProviderConfigFile(try HCLDocument.parse(text, file: "provider.conf")))
}

/// What is wrong with a configuration.
func problems(_ text: String) throws -> [String] {
  do {
    _ = try configuration(text)
    return []
  } catch let error as ConfigurationError {
    return error.problems.map(\.message)
  }
}

func authority(_ keyID: String, _ type: KeyType = .ecP256) throws -> JWTAuthority {
  JWTAuthority(publicKey: try SoftwareKey(generating: type).publicKey.pkix, keyID: keyID)
}
