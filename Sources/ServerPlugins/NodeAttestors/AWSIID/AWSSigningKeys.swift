import SPIFFE

/// The keys with which Amazon EC2 signs instance documents. A value; tests give their own.
struct AWSSigningKeys: Sendable {
  /// Of PKCS #7 documents, by region; nil for an unknown one.
  var pkcs7: @Sendable (_ region: String) -> PublicKey?
  /// Of RSA-1024 signatures, by region: a SubjectPublicKeyInfo.
  var legacy: @Sendable (_ region: String) -> [UInt8]

  /// Amazon's.
  static let amazon = AWSSigningKeys(
    pkcs7: { region in AWSKeys2048.key(of: region).flatMap { try? PublicKey(pkix: Base64.decode($0)) } },
    legacy: { region in (try? Base64.decode(AWSKeys1024.key(of: region) ?? AWSKeys1024.standard)) ?? [] })
}
