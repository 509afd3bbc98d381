import Daemon
import Foundation
import SPIFFE
import Testing

@testable import SVIDFiles

/// Which certificates go into which file.
@Suite struct X509FilePlanTests {
  private var plan = X509FilePlan(certificateFile: "svid.pem", keyFile: "key.pem", bundleFile: "bundle.pem")
  private let now = Date(timeIntervalSince1970: 1_900_000_000)

  private func files(_ plan: X509FilePlan, _ svid: X509Material) throws -> [String: [String]] {
    Dictionary(uniqueKeysWithValues: try plan.files(for: svid, at: now).map { ($0.name, try contents($0.bytes)) })
  }

  @Test func chainKeyAndBundleAreThreeFiles() throws {
    let planned = try plan.files(for: material(intermediates: ["mid"]), at: now)
    // The certificate last: who waits for it finds the rest.
    #expect(planned.map(\.name) == ["bundle.pem", "key.pem", "svid.pem"])
    #expect(planned.map(\.mode) == [0o644, 0o600, 0o644])
    #expect(try planned.map { try contents($0.bytes) } == [["root"], ["key"], ["leaf", "mid"]])
    let key = String(decoding: planned[1].bytes, as: UTF8.self)
    #expect(key.hasPrefix("-----BEGIN PRIVATE KEY-----\n") && key.hasSuffix("-----END PRIVATE KEY-----\n"))
  }

  @Test func intermediatesMoveToTheBundle() throws {
    var plan = plan
    plan.addsIntermediatesToBundle = true
    let files = try files(plan, material(intermediates: ["mid1", "mid2"]))
    #expect(files["svid.pem"] == ["leaf"])
    #expect(files["bundle.pem"] == ["root", "mid1", "mid2"])
  }

  @Test func federatedAuthoritiesFollowInTheOrderOfTheirDomains() throws {
    var plan = plan
    let svid = try material(federated: ["b.test": ["b1", "b2"], "a.test": ["a"], "example.org": ["own again"]])
    #expect(try files(plan, svid)["bundle.pem"] == ["root"])
    plan.includesFederatedDomains = true
    #expect(try files(plan, svid)["bundle.pem"] == ["root", "a", "b1", "b2"])
  }

  @Test func expiredCertificatesAreLeftOutButNeverTheLeaf() throws {
    let old = try certificate(until: now - 1)
    let new = try certificate(until: now + 3600)
    let svid = X509Material(
      id: try SPIFFEID("spiffe://example.org/web"), chain: [old, old, new], privateKey: [1], bundle: [old, new],
      expiresAt: now)
    func ders(_ plan: X509FilePlan, _ index: Int) throws -> [[UInt8]] {
      try PEM.decode(String(decoding: plan.files(for: svid, at: now)[index].bytes, as: UTF8.self)).map(\.der)
    }
    var plan = plan
    #expect(try ders(plan, 0) == [old, new] && ders(plan, 2) == [old, old, new])
    plan.omitsExpired = true
    #expect(try ders(plan, 0) == [new] && ders(plan, 2) == [old, new])
    #expect(throws: SVIDFileError(.malformed, "")) { _ = try plan.files(for: material(), at: now) }
  }

  @Test func anSVIDWithoutCertificateIsRefused() throws {
    let svid = X509Material(
      id: try SPIFFEID("spiffe://example.org/web"), chain: [], privateKey: [1], bundle: [], expiresAt: now)
    #expect(throws: SVIDFileError(.malformed, "")) { _ = try plan.files(for: svid, at: now) }
  }

  @Test func modesAreOctalNumbers() throws {
    #expect(try FileMode.checked(nil, default: 0o644, name: "m") == 0o644)
    #expect(try FileMode.checked(0, default: 0o600, name: "m") == 0o600)
    #expect(try FileMode.checked(0o440, default: 0o600, name: "m") == 0o440)
    for wrong in [-1, 0o1000, Int.min, Int.max] {
      #expect(throws: SVIDFileError(.configuration, "")) { _ = try FileMode.checked(wrong, default: 0, name: "m") }
    }
    #expect(FileMode.looksDecimal(444) && !FileMode.looksDecimal(0o644))
    #expect(FileMode.text(0o644) == "0644")
  }
}
