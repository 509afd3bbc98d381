import SPIFFE

/// What the two halves of the node attestor `tpm_devid` say to each other (server-plugins §4.5): JSON whose members have
/// the names of Go's fields, null where there is nothing.
package enum TPMDevIDMessages {
  package static let pluginName = "tpm_devid"

  private static func text(_ bytes: [UInt8]) -> JSONValue { bytes.isEmpty ? .null : .string(Base64.encode(bytes)) }

  /// Who the agent claims to be, and what its TPM says.
  package struct Payload: Equatable, Sendable {
    /// More are not read: a way to a root has ten certificates at most.
    package static let maximumCertificates = 16

    /// DER, the node's own first.
    package let devIDCertificates: [[UInt8]]
    /// TPMT_PUBLIC of the DevID key.
    package let devIDPublic: [UInt8]
    /// DER.
    package let ekCertificate: [UInt8]
    /// TPMT_PUBLIC of the endorsement key.
    package let ekPublic: [UInt8]
    /// TPMT_PUBLIC of the attestation key.
    package let akPublic: [UInt8]
    /// TPMS_ATTEST about the DevID key.
    package let certifiedDevID: [UInt8]
    /// TPMT_SIGNATURE of the attestation key over ``certifiedDevID``.
    package let certificationSignature: [UInt8]

    package init(
      devIDCertificates: [[UInt8]], devIDPublic: [UInt8], ekCertificate: [UInt8], ekPublic: [UInt8],
      akPublic: [UInt8], certifiedDevID: [UInt8], certificationSignature: [UInt8]
    ) {
      self.devIDCertificates = devIDCertificates
      self.devIDPublic = devIDPublic
      self.ekCertificate = ekCertificate
      self.ekPublic = ekPublic
      self.akPublic = akPublic
      self.certifiedDevID = certifiedDevID
      self.certificationSignature = certificationSignature
    }

    package init(_ bytes: [UInt8]) throws(NodeProofError) {
      let members = try MessageMembers(bytes)
      devIDCertificates = try members.byteLists("DevIDCert", atMost: Self.maximumCertificates)
      devIDPublic = try members.bytes("DevIDPub") ?? []
      ekCertificate = try members.bytes("EKCert") ?? []
      ekPublic = try members.bytes("EKPub") ?? []
      akPublic = try members.bytes("AKPub") ?? []
      certifiedDevID = try members.bytes("CertifiedDevID") ?? []
      certificationSignature = try members.bytes("CertificationSignature") ?? []
    }

    package var encoded: [UInt8] {
      JSONValue.object([
        "DevIDCert": .array(devIDCertificates.map { .string(Base64.encode($0)) }), "DevIDPub": text(devIDPublic),
        "EKCert": text(ekCertificate), "EKPub": text(ekPublic), "AKPub": text(akPublic),
        "CertifiedDevID": text(certifiedDevID), "CertificationSignature": text(certificationSignature),
      ]).encoded()
    }
  }

  package struct Challenge: Equatable, Sendable {
    /// To be signed by the DevID key.
    package let devID: [UInt8]
    /// To be opened by the TPM; nil only in what others send.
    package let credential: TPMCredential?

    package init(devID: [UInt8], credential: TPMCredential?) {
      self.devID = devID
      self.credential = credential
    }

    package init(_ bytes: [UInt8]) throws(NodeProofError) {
      let members = try MessageMembers(bytes)
      devID = try members.bytes("DevID") ?? []
      credential = try members.object("CredActivation").map { (inner) throws(NodeProofError) in
        TPMCredential(object: try inner.bytes("Credential") ?? [], secret: try inner.bytes("Secret") ?? [])
      }
    }

    package var encoded: [UInt8] {
      let activation: JSONValue =
        credential.map { .object(["Credential": text($0.object), "Secret": text($0.secret)]) } ?? .null
      return JSONValue.object(["DevID": text(devID), "CredActivation": activation]).encoded()
    }
  }

  package struct Response: Equatable, Sendable {
    /// The signature: PKCS #1 v1.5, or the DER of ECDSA's two numbers.
    package let devID: [UInt8]
    /// What the TPM found in the credential.
    package let activated: [UInt8]

    package init(devID: [UInt8], activated: [UInt8]) {
      self.devID = devID
      self.activated = activated
    }

    package init(_ bytes: [UInt8]) throws(NodeProofError) {
      let members = try MessageMembers(bytes)
      devID = try members.bytes("DevID") ?? []
      activated = try members.bytes("CredActivation") ?? []
    }

    package var encoded: [UInt8] {
      JSONValue.object(["DevID": text(devID), "CredActivation": text(activated)]).encoded()
    }
  }
}
