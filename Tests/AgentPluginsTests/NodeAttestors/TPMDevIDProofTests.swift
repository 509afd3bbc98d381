import Crypto
import Foundation
import Logging
import Plugins
import TPMTesting
import Testing

@testable import AgentPlugins

/// What the agent's half of tpm_devid sends (agent-plugins §1), taken apart by hand and judged by openssl and tpm2-tools:
/// nothing of ours reads it here.
@Suite("tpm_devid: proofs", .serialized, .timeLimit(.minutes(3)))
struct TPMDevIDProofTests {
  /// The members of upstream's JSON, in its order.
  private struct Payload: Decodable {
    let DevIDCert: [Data]
    let DevIDPub, EKCert, EKPub, AKPub, CertifiedDevID, CertificationSignature: Data
  }
  private struct Response: Decodable { let DevID, CredActivation: Data }

  private func hex(_ data: some Sequence<UInt8>) -> String {
    data.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }

  private func write(_ bytes: some Sequence<UInt8>, _ path: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }

  /// PKCS #1 of an RSA-2048 key with the exponent 65537.
  private func pkcs1(_ modulus: some Sequence<UInt8>) -> [UInt8] {
    [0x30, 0x82, 0x01, 0x0A, 0x02, 0x82, 0x01, 0x01, 0x00] + modulus + [0x02, 0x03, 0x01, 0x00, 0x01]
  }

  /// The nonce of the DevID, and a credential of tpm2_makecredential for the attestation key of the payload.
  private func challenge(_ tpm: EmulatedTPM, _ payload: Payload, nonce: [UInt8], secret: [UInt8]) throws -> [UInt8] {
    try write(secret, tpm.folder + "/secret")
    try write(payload.EKPub.count.bigEndianBytes + payload.EKPub, tpm.folder + "/sent-ek.pub")
    let name = "000b" + hex(SHA256.hash(data: payload.AKPub))
    try tpm.run(
      "tpm2_makecredential", "-Q", "-T", "none", "-u", "sent-ek.pub", "-s", "secret", "-n", name, "-o", "cred")
    // Magic and version, then two structures behind their lengths.
    var rest = try Data(contentsOf: URL(fileURLWithPath: tpm.folder + "/cred")).dropFirst(8)
    func next() -> Data {
      let count = rest.prefix(2).reduce(0) { $0 << 8 | Int($1) }
      defer { rest = rest.dropFirst(2 + count) }
      return Data(rest.dropFirst(2).prefix(count))
    }
    let (credential, encrypted) = (next(), next())
    #expect(rest.isEmpty)
    return Array(
      """
      {"DevID":"\(Data(nonce).base64EncodedString())","CredActivation":{"Credential":"\
      \(credential.base64EncodedString())","Secret":"\(encrypted.base64EncodedString())"}}
      """.utf8)
  }

  @Test(arguments: EmulatedTPM.Kind.allCases) func everyByteIsUpstreams(_ kind: EmulatedTPM.Kind) async throws {
    let tpm = try EmulatedTPM()
    try tpm.changePasswords(owner: "owner-pass", endorsement: "endorsement-pass")
    try tpm.writeEKCertificate(endorsementPassword: "endorsement-pass", padding: 40)
    let devID = try tpm.makeDevID(kind, password: "devid-pass", ownerPassword: "owner-pass")
    // A certificate, and the one above it.
    let chain = tpm.folder + "/chain.pem"
    try
      (String(contentsOfFile: devID.certificate, encoding: .utf8)
      + String(contentsOfFile: tpm.devIDCA, encoding: .utf8)).write(toFile: chain, atomically: true, encoding: .utf8)
    let attestor = TPMDevIDAttestor(logger: Logger(label: "test"))
    try await attestor.configure(
      PluginData(
        text: """
          devid_cert_path = "\(chain)"
          devid_priv_path = "\(devID.sealedKey)"
          devid_pub_path = "\(devID.publicArea)"
          devid_password = "devid-pass"
          owner_hierarchy_password = "owner-pass"
          endorsement_hierarchy_password = "endorsement-pass"
          tpm_device_path = "\(tpm.socket)"
          """))
    #expect(attestor.name == "tpm_devid")
    let nonce = [UInt8](repeating: 0x5A, count: 32)
    let secret = Array("thirty-two bytes of a credential".utf8)
    let (sent, answered) = try await attestor.attest { evidence in
      let payload = try JSONDecoder().decode(Payload.self, from: Data(evidence.payload))
      let asked = try challenge(tpm, payload, nonce: nonce, secret: secret)
      return (evidence.payload, try await evidence.respond(asked))
    }

    // Names and order.
    let text = String(decoding: sent, as: UTF8.self)
    let names = text.split(separator: "\"").map(String.init).filter {
      ["DevIDCert", "DevIDPub", "EKCert", "EKPub", "AKPub", "CertifiedDevID", "CertificationSignature"].contains($0)
    }
    #expect(
      names == ["DevIDCert", "DevIDPub", "EKCert", "EKPub", "AKPub", "CertifiedDevID", "CertificationSignature"])
    #expect(text.hasPrefix(#"{"DevIDCert":[""#) && text.hasSuffix(#""}"#) && !text.contains(" "))
    let payload = try JSONDecoder().decode(Payload.self, from: Data(sent))

    // Certificates: the files', and the TPM's without what follows it.
    try tpm.run("openssl", "x509", "-in", devID.certificate, "-outform", "DER", "-out", "devid.der")
    try tpm.run("openssl", "x509", "-in", tpm.devIDCA, "-outform", "DER", "-out", "devidca.der")
    func file(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }
    #expect(try payload.DevIDCert == [file(tpm.folder + "/devid.der"), file(tpm.folder + "/devidca.der")])
    #expect(try payload.EKCert == file(tpm.ekCertificate))
    #expect(try payload.DevIDPub == file(devID.publicArea))

    // TPMT_PUBLIC of the endorsement key: RSA, SHA-256, attributes, policy, AES-128-CFB, no scheme, 2048 bits.
    let policy = "837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa"
    #expect(hex(payload.EKPub.dropLast(256)) == "0001000b000300b20020\(policy)00060080004300100800000000000100")
    let modulus = try tpm.run("openssl", "x509", "-in", "ek.der", "-noout", "-modulus")
    #expect(modulus.lowercased() == "modulus=\(hex(payload.EKPub.suffix(256)))\n")

    // Of the attestation key: restricted, signs, RSASSA with SHA-256.
    #expect(hex(payload.AKPub.dropLast(256)) == "0001000b0005007200000010" + "0014000b" + "0800" + "00000000" + "0100")

    // TPMS_ATTEST: magic, type, qualified signer, no data, clock, firmware; then the name and the qualified name.
    let attestation = Array(payload.CertifiedDevID)
    #expect(hex(attestation[..<8]) == "ff54434780170022")
    #expect(hex(attestation[42..<44]) == "0000")
    let name = hex(SHA256.hash(data: payload.DevIDPub))
    #expect(hex(attestation[69..<105]) == "0022000b" + name)
    #expect(hex(attestation[105..<109]) == "0022000b" && attestation.count == 141)

    // TPMT_SIGNATURE: RSASSA, SHA-256, of the attestation key.
    #expect(hex(payload.CertificationSignature.dropLast(256)) == "0014000b0100")
    try write(pkcs1(payload.AKPub.suffix(256)), tpm.folder + "/ak.der")
    try tpm.run("openssl", "rsa", "-RSAPublicKey_in", "-inform", "DER", "-in", "ak.der", "-out", "ak.pem")
    try write(attestation, tpm.folder + "/attestation")
    try write(payload.CertificationSignature.suffix(256), tpm.folder + "/attestation.sig")
    try tpm.run(
      "openssl", "dgst", "-sha256", "-verify", "ak.pem", "-signature", "attestation.sig", "attestation")

    // The answer: the nonce signed as X.509 signs, and what was in the credential.
    let answer = String(decoding: answered, as: UTF8.self)
    #expect(answer.hasPrefix(#"{"DevID":""#) && answer.contains(#"","CredActivation":""#))
    let response = try JSONDecoder().decode(Response.self, from: Data(answered))
    #expect(Array(response.CredActivation) == secret)
    try write(nonce, tpm.folder + "/nonce")
    try write(response.DevID, tpm.folder + "/nonce.sig")
    try tpm.run("openssl", "dgst", "-sha256", "-verify", devID.key, "-signature", "nonce.sig", "nonce")
    // DER, or as long as the key.
    #expect(kind == .ecc ? response.DevID.first == 0x30 : response.DevID.count == 256)
    #expect(try tpm.loadedHandles() == "")
  }
}

extension Int {
  fileprivate var bigEndianBytes: [UInt8] { [UInt8(self >> 8), UInt8(self & 0xFF)] }
}
