import SPIFFE

/// A certificate that this authority has just signed.
struct SignedCertificate: Sendable {
  let der: [UInt8]
  let template: X509Template
  let subjectKeyID: [UInt8]
}
