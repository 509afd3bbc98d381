import NIOSSL

extension HTTPIdentity {
  /// The certificates and the one private key of a PKCS #12 file (RFC 7292), in whichever of its ciphers. Costs what the
  /// file's key derivation asks for: for files that an operator names only.
  package init(pkcs12 bytes: [UInt8], password: String) throws {
    // An empty password and none are different things there; files of both kinds are about.
    let bundle: NIOSSLPKCS12Bundle
    do {
      bundle = try NIOSSLPKCS12Bundle(buffer: bytes, passphrase: Array(password.utf8))
    } catch  where password.isEmpty {
      bundle = try NIOSSLPKCS12Bundle(buffer: bytes)
    }
    self.init(
      certificates: try bundle.certificateChain.map { try $0.toDERBytes() }, privateKey: try bundle.privateKey.derBytes)
  }
}
