import Crypto
import Foundation
import Keys
import SPIFFE
import Testing

@testable import Authority

/// Certificates of every profile before two judges that were not written here.
@Suite struct OpenSSLTests {
  static func run(_ arguments: [String], input: String = "") throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    let output = Pipe()
    let stdin = Pipe()
    process.standardOutput = output
    process.standardError = output
    process.standardInput = stdin
    try process.run()
    try stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    try stdin.fileHandleForWriting.close()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    while process.isRunning { usleep(2000) }
    return (process.terminationStatus, text)
  }

  static let hasOpenSSL = (try? run(["openssl", "version"]).status) == 0
  static let hasCryptography =
    (try? run(["python3", "-c", "import cryptography as c; assert int(c.__version__.split('.')[0]) >= 42"]).status) == 0

  /// Everything that an authority of this key type issues, with its root.
  static func issueAll(_ type: KeyType) async throws -> (root: [UInt8], leaves: [[UInt8]], downstream: [UInt8]) {
    let fixture = Fixture(settings: CAManagerConfiguration(x509KeyType: type))
    _ = try await fixture.start()
    let authority = fixture.authority
    let key = Fixture.workloadKey()
    let rsa = try await BackgroundWork.run { try SoftwareKey(generating: .rsa2048) }
    var leaves: [[UInt8]] = []
    leaves += try await authority.issueX509SVID(X509SVIDRequest(id: Fixture.id("/w"), publicKey: key)).chain
    leaves += try await authority.issueX509SVID(
      X509SVIDRequest(
        id: Fixture.id("/w"), publicKey: rsa.publicKey, dnsNames: ["a.test", "b.test"],
        subject: DistinguishedName(organization: ["Örg"]))
    ).chain
    leaves += try await authority.issueServerSVID(publicKey: key).chain
    leaves += try await authority.issueAgentSVID(id: Fixture.id("/spire/agent/x/y"), publicKey: key).chain
    return (
      try #require(authority.activeX509CA).certificate, leaves,
      try await authority.issueDownstreamCA(publicKey: key).chain[0]
    )
  }

  @Test(.enabled(if: hasOpenSSL, "openssl is not installed"), arguments: [KeyType.ecP256, .ecP384, .rsa2048])
  func strictVerification(_ type: KeyType) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "openssl-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func write(_ der: [UInt8], _ name: String) throws -> String {
      let path = "\(folder)/\(name).pem"
      try PEM.encode(der, type: "CERTIFICATE").write(toFile: path, atomically: true, encoding: .utf8)
      return path
    }
    let issued = try await Self.issueAll(type)
    let root = try write(issued.root, "root")
    for (index, der) in (issued.leaves + [issued.downstream]).enumerated() {
      let leaf = try write(der, "leaf\(index)")
      let result = try Self.run([
        "openssl", "verify", "-x509_strict", "-check_ss_sig", "-attime",
        String(Int(Recorded.now.timeIntervalSince1970)), "-CAfile", root, leaf,
      ])
      #expect(result.status == 0, "\(result.output)")
    }
  }

  static let script = """
    import sys, base64, json
    from cryptography import x509
    out = []
    for line in sys.stdin:
        c = x509.load_der_x509_certificate(base64.b64decode(line))
        e = [[x.oid.dotted_string, x.critical] for x in c.extensions]
        ku = c.extensions.get_extension_for_class(x509.KeyUsage).value
        bc = c.extensions.get_extension_for_class(x509.BasicConstraints).value
        san = c.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        out.append({
            "extensions": e, "ca": bc.ca, "path": bc.path_length, "version": c.version.name,
            "uses": [n for n in ["digital_signature", "key_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
                                 "content_commitment", "data_encipherment"] if getattr(ku, n)],
            "names": [type(n).__name__ + ":" + n.value for n in san], "subject": c.subject.rfc4514_string(),
            "seconds": int((c.not_valid_after_utc - c.not_valid_before_utc).total_seconds())})
    print(json.dumps(out))
    """

  struct Seen: Decodable {
    let ca: Bool
    let path: Int?
    let version: String
    let uses: [String]
    let names: [String]
    let subject: String
    let seconds: Int
  }

  @Test(.enabled(if: hasCryptography, "the Python package cryptography is not installed"))
  func cryptographySeesTheProfiles() async throws {
    let issued = try await Self.issueAll(.ecP256)
    let all = issued.leaves + [issued.downstream, issued.root]
    let lines = all.map { Data($0).base64EncodedString() }.joined(separator: "\n")
    let result = try Self.run(["python3", "-c", Self.script], input: lines)
    try #require(result.status == 0, "\(result.output)")
    let seen = try JSONDecoder().decode([Seen].self, from: Data(result.output.utf8))
    #expect(seen.count == 6)
    for leaf in seen[..<4] {
      #expect(!leaf.ca && leaf.uses == ["digital_signature", "key_encipherment", "key_agreement"])
      #expect(leaf.version == "v3" && leaf.seconds == 3610)
    }
    for ca in seen[4...] {
      #expect(ca.ca && ca.path == nil && ca.uses == ["key_cert_sign", "crl_sign"])
      #expect(ca.names == ["UniformResourceIdentifier:spiffe://example.org"])
    }
    #expect(seen[1].names == ["DNSName:a.test", "DNSName:b.test", "UniformResourceIdentifier:spiffe://example.org/w"])
    #expect(seen[1].subject == "CN=a.test,O=Örg")
    #expect(seen[2].names == ["UniformResourceIdentifier:spiffe://example.org/spire/server"])
  }
}
