import Crypto
import CryptoExtras
import Testing

@testable import SPIFFE

@Suite("Bundle document")
struct BundleDocumentTests {
  private let domain: TrustDomain
  private let other: TrustDomain

  init() throws {
    domain = try TrustDomain("example.org")
    other = try TrustDomain("partner.test")
  }

  @Test("is the text of the recorded command, and reads back")
  func recorded() throws {
    let text = try TestData.recordedOutput("server_bundle_show_-format_spiffe.txt")
    var bundle = try BundleDocument.decode(text, trustDomain: domain)
    #expect(bundle.x509Authorities.map(\.der) == (try TestData.certificates("api-fetch-x509-write/bundle.0.pem")))
    #expect(
      bundle.jwtAuthorities.map(\.keyID) == ["MSibt0CKzhz7r988XJjnfcPGkw12l2zW", "X4RoPNtefgQaiTUfG3cBt8v92KThm2bJ"])
    #expect(bundle.sequenceNumber == 0, "upstream does not read the sequence number")
    bundle.sequenceNumber = 3
    #expect(try BundleDocument.encode(bundle) == text)
    #expect(try BundleDocument.decode(text, trustDomain: domain, reading: .standard) == bundle)
  }

  @Test("is the text of the recorded federated bundle")
  func recordedFederated() throws {
    let output = try TestData.recordedOutput("server_bundle_list_-format_spiffe.txt")
    let text = output.split(separator: "\n").dropFirst(3).joined(separator: "\n")
    let bundle = try BundleDocument.decode(text, trustDomain: other)
    #expect(try BundleDocument.encode(bundle, sequenceNumber: 1) == text)
  }

  @Test("has the Workload API's form for JWT keys")
  func workloadAPI() throws {
    let show = try TestData.recordedOutput("server_bundle_show_-format_spiffe.txt")
    let bundle = try BundleDocument.decode(show, trustDomain: domain)
    let fetched = try TestData.recordedOutput("agent_api_fetch_jwt_-audience_a.txt")
    let text = try BundleDocument.encodeJWKS(jwtAuthorities: bundle.jwtAuthorities)
    #expect(fetched.contains("bundle(spiffe://example.org):\n\t\(text)\n"))
    #expect(try BundleDocument.encodeJWKS(jwtAuthorities: []) == "{\n    \"keys\": []\n}")
  }

  @Test("key IDs are compared byte by byte", arguments: [BundleDocument.Reading.strict, .standard])
  func keyIDs(reading: BundleDocument.Reading) throws {
    let keys = (0..<3).map { _ in PublicKey(P256.Signing.PrivateKey().publicKey) }
    // The first two look alike, the last one has the first one's ID.
    let ids = ["caf\u{E9}", "cafe\u{301}", "caf\u{E9}"]
    let entries = zip(keys, ids).map { JSONValue.object(JSONWebKey(key: $0, use: "jwt-svid", keyID: $1).json) }
    let text = JSONValue.object(["keys": .array(entries)]).text()
    let bundle = try BundleDocument.decode(text, trustDomain: domain, reading: reading)
    #expect(bundle.jwtAuthorities.map(\.publicKey) == [keys[2].pkix, keys[1].pkix])

    let lookup = JWTKeySet([bundle])
    for (id, key) in [(ids[0], keys[2]), (ids[1], keys[1])] {
      guard case .found(let found) = lookup.lookup(domain, id) else {
        Issue.record("\(id) is not found")
        continue
      }
      #expect(found == key)
    }
  }

  @Test("leaves out what is zero, taint and WIT keys")
  func encoded() throws {
    let key = PublicKey(P384.Signing.PrivateKey().publicKey)
    var bundle = Bundle(trustDomain: domain)
    bundle.witAuthorities = [JWTAuthority(publicKey: key.pkix, keyID: "wit")]
    #expect(try BundleDocument.encode(bundle) == "{\n    \"keys\": []\n}")
    bundle.jwtAuthorities = [JWTAuthority(publicKey: key.pkix, keyID: "jwt", tainted: true)]
    bundle.refreshHint = 300
    bundle.sequenceNumber = 7
    let text = try BundleDocument.encode(bundle)
    #expect(text.hasSuffix("    ],\n    \"spiffe_sequence\": 7,\n    \"spiffe_refresh_hint\": 300\n}"))
    #expect(!text.contains("taint"))
    #expect(!text.contains("wit"))
    let read = try BundleDocument.decode(text, trustDomain: domain)
    #expect(read.refreshHint == 300)
    #expect(read.jwtAuthorities == [JWTAuthority(publicKey: key.pkix, keyID: "jwt")])
    #expect(try !BundleDocument.encode(bundle, refreshHint: 0, sequenceNumber: 0).contains("spiffe_"))
  }

  @Test("refuses to write what it cannot read")
  func unreadable() {
    let bad = Bundle(trustDomain: domain, x509Authorities: [X509Authority(der: [1, 2, 3])])
    #expect(throws: SPIFFEError(.malformedCertificate, "")) { try BundleDocument.encode(bad) }
    #expect(throws: SPIFFEError(.malformedKey, "")) {
      try BundleDocument.encodeJWKS(jwtAuthorities: [JWTAuthority(publicKey: [], keyID: "a")])
    }
  }

  @Test("says what is wrong with the texts of upstream")
  func strict() throws {
    let key = PublicKey(P256.Signing.PrivateKey().publicKey)
    let root = try TestAuthority.root()
    let rootKey = try X509Certificates.publicKey(of: root.certificate)
    func message(_ json: JSONObject) -> String {
      let document: JSONValue = ["keys": [.object(json)]]
      do {
        _ = try BundleDocument.decode(document.encoded(), trustDomain: domain)
        return ""
      } catch { return error.message }
    }
    #expect(message(JSONWebKey(key: key).json) == "missing use for key entry 0")
    #expect(message(JSONWebKey(key: key, use: "a\"b").json) == #"unrecognized use "a\"b" for key entry 0"#)
    #expect(message(JSONWebKey(key: key, use: "jwt-svid").json) == "missing key ID in jwt-svid entry 0")
    #expect(
      message(JSONWebKey(key: key, use: "x509-svid").json)
        == "expected a single certificate in x509-svid entry 0; got 0")
    #expect(
      message(JSONWebKey(key: rootKey, use: "x509-svid", certificates: [root.der, root.der]).json)
        == "expected a single certificate in x509-svid entry 0; got 2")
    #expect(message(["kty": "oct", "use": "jwt-svid"]) == "unknown json web key type 'oct'")
  }

  @Test(
    "refuses documents of another shape",
    arguments: [
      "", "[]", "1", "{\"keys\":1}", "{\"keys\":[1]}", "{\"keys\":[],\"keys\":[]}",
      "{\"keys\":[],\"spiffe_sequence\":-1}",
      "{\"keys\":[],\"spiffe_refresh_hint\":\"1\"}", "{\"keys\":[],\"spiffe_sequence\":1.5}", "{\"keys\":[]} {}",
    ])
  func shape(text: String) {
    #expect(throws: SPIFFEError.self) { try BundleDocument.decode(text, trustDomain: domain) }
  }

  @Test("without keys it is empty to upstream, and refused by the standard")
  func noKeys() throws {
    #expect(try BundleDocument.decode("{}", trustDomain: domain) == Bundle(trustDomain: domain))
    #expect(throws: SPIFFEError(.invalidBundle, "")) {
      try BundleDocument.decode("{}", trustDomain: domain, reading: .standard)
    }
  }

  @Test("reads the rest of a document when the standard says so")
  func standard() throws {
    let key = PublicKey(P256.Signing.PrivateKey().publicKey)
    let root = try TestAuthority.root()
    let rootKey = try X509Certificates.publicKey(of: root.certificate)
    let entries: [JSONObject] = [
      JSONWebKey(key: key).json, JSONWebKey(key: key, use: "future").json,
      ["use": "jwt-svid", "kty": "OKP", "kid": "x"],
      JSONWebKey(key: key, use: "x509-svid").json,
      JSONWebKey(key: rootKey, use: "x509-svid", certificates: [root.der, [1]]).json,
      JSONWebKey(key: key, use: "jwt-svid", keyID: "jwt").json,
      JSONWebKey(key: key, use: "wit-svid", keyID: "wit").json,
    ]
    let document: JSONValue = ["keys": .array(entries.map { .object($0) }), "spiffe_sequence": 9, "other": true]
    let bundle = try BundleDocument.decode(document.encoded(), trustDomain: domain, reading: .standard)
    #expect(bundle.x509Authorities.map(\.der) == [root.der])
    #expect(bundle.jwtAuthorities.map(\.keyID) == ["jwt"])
    #expect(bundle.witAuthorities.map(\.keyID) == ["wit"])
    #expect(bundle.sequenceNumber == 9)
  }

  /// What the standard says to ignore costs nothing but the entry; what is malformed refuses all of the document.
  @Test("tells entries that it does not know from malformed ones")
  func entries() throws {
    let key = PublicKey(P256.Signing.PrivateKey().publicKey)
    let root = try TestAuthority.root()
    let good = JSONWebKey(key: key, use: "jwt-svid", keyID: "good").json
    let authority = JSONWebKey(
      key: try X509Certificates.publicKey(of: root.certificate), use: "x509-svid", certificates: [root.der]
    ).json
    func changed(_ json: JSONObject, _ changes: (String, JSONValue)...) -> JSONValue {
      var json = json
      for (name, value) in changes { json[name] = value }
      return .object(json)
    }
    func read(_ entry: JSONValue) -> (bundle: Bundle?, ignored: [String], error: SPIFFEError?) {
      let document: JSONValue = ["keys": [.object(good), entry]]
      var ignored: [String] = []
      do {
        let bundle = try BundleDocument.decode(
          document.encoded(), trustDomain: domain, reading: .standard, ignoring: { ignored.append($0) })
        return (bundle, ignored, nil)
      } catch { return (nil, ignored, error) }
    }
    let unknown: [(JSONValue, String)] = [
      (changed(good, ("use", .null)), "use is missing"), (changed(good, ("use", "")), "use is missing"),
      (changed(good, ("use", "sig")), #"use "sig" is not known"#),
      (changed(good, ("use", "JWT-SVID")), #"use "JWT-SVID" is not known"#),
      (changed(good, ("kty", "oct"), ("k", "AAAA")), #"kty "oct" is not known"#),
      (changed(good, ("kty", "OKP"), ("crv", "Ed25519")), #"kty "OKP" is not known"#),
      (changed(good, ("kty", "AKP"), ("alg", "ML-DSA-65")), #"kty "AKP" is not known"#),
      (changed(good, ("kty", .null)), "kty is missing"),
      (changed(good, ("crv", "secp256k1")), #"crv "secp256k1" is not known"#),
      (changed(authority, ("x5c", .null)), "x5c is missing"), (changed(authority, ("x5c", [])), "x5c is empty"),
    ]
    for (entry, why) in unknown {
      let result = read(entry)
      #expect(result.bundle?.jwtAuthorities.map(\.keyID) == ["good"], "\(why)")
      #expect(result.bundle?.x509Authorities.isEmpty == true)
      #expect(result.ignored == ["key entry 1: \(why)"])
    }
    // A curve says nothing about an RSA key.
    let rsa = JSONWebKey(
      key: try PublicKey(_RSA.Signing.PrivateKey(keySize: .bits2048).publicKey), use: "jwt-svid", keyID: "rsa"
    ).json
    let result = read(changed(rsa, ("crv", "none")))
    #expect(result.bundle?.jwtAuthorities.map(\.keyID) == ["good", "rsa"] && result.ignored.isEmpty)
    let other = JSONWebKey(key: PublicKey(P256.Signing.PrivateKey().publicKey)).json
    let malformed: [JSONValue] = [
      changed(good, ("use", 5)), changed(good, ("kty", [])), changed(good, ("crv", 256)), changed(good, ("kid", .null)),
      changed(good, ("kid", "")), changed(good, ("kid", 7)), changed(good, ("x", .null)), changed(good, ("y", "")),
      changed(good, ("x", "AA")), changed(good, ("x", "!")), changed(good, ("x", good["y"] ?? .null)),
      changed(good, ("crv", "P-384")), changed(good, ("crv", .null)), changed(good, ("kty", "RSA")),
      changed(good, ("kty", "RSA"), ("n", "AQAB"), ("e", "AQAB")), changed(good, ("d", "AAAA")),
      changed(authority, ("x5c", "MIIB")), changed(authority, ("x5c", [1])), changed(authority, ("x5c", ["MIIB"])),
      changed(authority, ("x5c", ["!"])), changed(authority, ("x", other["x"] ?? .null), ("y", other["y"] ?? .null)),
      [], "x", 1, .null,
    ]
    for entry in malformed {
      let result = read(entry)
      #expect(result.bundle == nil && result.ignored.isEmpty, "\(entry.text())")
    }
  }

  @Test("keeps one of equal certificates and the last of equal key IDs")
  func repeated() throws {
    let keys = [P256.Signing.PrivateKey(), P256.Signing.PrivateKey()].map { PublicKey($0.publicKey) }
    let root = try TestAuthority.root()
    let rootKey = try X509Certificates.publicKey(of: root.certificate)
    let entry = JSONWebKey(key: rootKey, use: "x509-svid", certificates: [root.der]).json
    let entries = [entry, entry] + keys.map { JSONWebKey(key: $0, use: "jwt-svid", keyID: "a").json }
    let document: JSONValue = ["keys": .array(entries.map { .object($0) })]
    let bundle = try BundleDocument.decode(document.encoded(), trustDomain: domain)
    #expect(bundle.x509Authorities.count == 1)
    #expect(bundle.jwtAuthorities.map(\.publicKey) == [keys[1].pkix])
    #expect(bundle.concatenatedX509DER == root.der)
  }

  @Test("writes WIT keys only where they are asked for, and reads them back")
  func witKeys() throws {
    let domain = try TrustDomain("example.org")
    let key = PublicKey(P256.Signing.PrivateKey().publicKey)
    let other = PublicKey(P256.Signing.PrivateKey().publicKey)
    let bundle = Bundle(
      trustDomain: domain, jwtAuthorities: [JWTAuthority(publicKey: other.pkix, keyID: "j")],
      witAuthorities: [JWTAuthority(publicKey: key.pkix, keyID: "w")], sequenceNumber: 3)
    #expect(try !BundleDocument.encode(bundle).contains("wit-svid"))
    let text = try BundleDocument.encode(bundle, includesWITAuthorities: true)
    #expect(try BundleDocument.decode(text, trustDomain: domain, reading: .standard) == bundle)
    // Of two with one key ID the last one counts, as with JWT keys.
    let twice = JSONValue.object([
      "keys": .array([other, key].map { .object(JSONWebKey(key: $0, use: "wit-svid", keyID: "w").json) })
    ])
    let read = try BundleDocument.decode(twice.encoded(), trustDomain: domain, reading: .standard)
    #expect(read.witAuthorities == bundle.witAuthorities)
    let set = try BundleDocument.encodeJWKS(witAuthorities: bundle.witAuthorities)
    #expect(set.contains("\"use\": \"wit-svid\"") && set.contains("\"kid\": \"w\""))
    #expect(try BundleDocument.encodeJWKS(witAuthorities: []) == "{\n    \"keys\": []\n}")
  }
}
