import Foundation
import SPIFFE
import Testing
import X509

@testable import Authority

@Suite struct ValidationTests {
  static let now: Int64 = 1_795_293_000

  static func svid(_ change: (inout X509Template) -> Void = { _ in }) -> X509Template {
    var template = X509Template(
      purpose: .svid(Fixture.id("/w")), serialNumber: 1, subject: .svid, publicKey: Fixture.workloadKey(),
      notBefore: now - 10, notAfter: now + 60)
    change(&template)
    return template
  }

  static func authority(_ change: (inout X509Template) -> Void = { _ in }) -> X509Template {
    var template = X509Template(
      purpose: .authority(Fixture.trustDomain), serialNumber: 1, subject: .authority, publicKey: Fixture.workloadKey(),
      notBefore: now - 10, notAfter: now + 60)
    change(&template)
    return template
  }

  func problem(_ template: X509Template) -> String? {
    do throws(AuthorityError) {
      _ = try ValidatedTemplate(template, at: Self.now)
      return nil
    } catch {
      return error.message
    }
  }

  @Test func whatBreaksTheProfileOfAnSVIDIsNotSigned() throws {
    #expect(problem(Self.svid()) == nil)
    let extra = X509Extension(type: try #require(OID("1.2.3.4")), value: [5, 0])
    #expect(problem(Self.svid { $0.extraExtensions = [extra] }) == nil)
    let broken: [X509Template] = [
      Self.svid { $0.isCA = true }, Self.svid { $0.keyUsage = [.keyEncipherment] },
      Self.svid { $0.keyUsage.insert(.keyCertSign) }, Self.svid { $0.extendedKeyUsage = [.serverAuth] },
      Self.svid { $0.uris = [] }, Self.svid { $0.uris.append("spiffe://example.org/other") },
      Self.svid { $0.uris = ["spiffe://example.org/other"] }, Self.svid { $0.notAfter = Self.now - 1 },
      Self.svid { $0.notBefore = Self.now + 1 }, Self.svid { $0.serialNumber = 0 },
      Self.svid { $0.dnsNames = ["ü.test"] }, Self.svid { $0.dnsNames = [""] },
      Self.svid { $0.purpose = .svid(Fixture.trustDomain.id) }, Self.svid { $0.notAfter = CivilTime.last + 1 },
      Self.svid { $0.extraExtensions = [extra, extra] },
      Self.svid { $0.extraExtensions = [X509Extension(type: .subjectAlternativeName, value: [0x30, 0])] },
      Self.svid { $0.extraExtensions = [X509Extension(type: .basicConstraints, value: [0x30, 3, 1, 1, 255])] },
    ]
    for template in broken {
      let message = try #require(problem(template))
      #expect(message.hasPrefix("invalid X509-SVID: "))
    }
  }

  @Test func whatBreaksTheProfileOfACAIsNotSigned() throws {
    #expect(problem(Self.authority()) == nil)
    #expect(problem(Self.authority { $0.uris = [] }) == nil)
    #expect(problem(Self.authority { $0.keyUsage = [.keyCertSign, .digitalSignature] }) == nil)
    let broken: [X509Template] = [
      Self.authority { $0.isCA = false }, Self.authority { $0.keyUsage = [.crlSign] },
      Self.authority { $0.keyUsage.insert(.keyAgreement) }, Self.authority { $0.uris = ["spiffe://other.org"] },
      Self.authority { $0.uris.append($0.uris[0]) }, Self.authority { $0.notAfter = Self.now - 1 },
    ]
    for template in broken {
      let message = try #require(problem(template))
      #expect(message.hasPrefix("invalid X509 CA: "))
    }
  }

  @Test func claimsAreCheckedAfterComposition() {
    let id = Fixture.id("/w")
    let good: JSONObject = ["aud": ["a"], "exp": .int(Self.now + 5), "sub": .string(id.description)]
    func problem(_ name: String, _ value: JSONValue?) -> String? {
      var claims = good
      claims[name] = value
      do throws(AuthorityError) {
        _ = try ValidatedClaims(claims, id: id, at: Self.now)
        return nil
      } catch {
        return error.message
      }
    }
    #expect(problem("x", "y") == nil)
    #expect(problem("exp", .double(Double(Self.now + 5))) == nil)
    #expect(problem("nbf", .int(Self.now)) == nil)
    for (name, value) in [
      ("sub", "spiffe://example.org/other"), ("sub", nil), ("exp", nil), ("exp", .int(Self.now)), ("aud", nil),
      ("aud", []), ("aud", ["a", ""]), ("nbf", .int(Self.now + 1)), ("nbf", "soon"),
    ] as [(String, JSONValue?)] {
      #expect(problem(name, value)?.hasPrefix("invalid JWT-SVID: ") == true, "\(name)")
    }
  }

  /// Changes everything that a composer may change, and some that it may not.
  struct Composer: CredentialComposer {
    var extra: [X509Extension] = []
    func composeServerX509CA(_ attributes: X509CAAttributes) async throws -> X509CAAttributes {
      var changed = attributes
      changed.subject = Authority.DistinguishedName(commonName: "composed")
      changed.policyIdentifiers = [OID("1.3.6.1.4.1.37476.9000")!]
      return changed
    }
    func composeWorkloadX509SVID(
      _ attributes: X509SVIDAttributes, id: SPIFFEID, publicKey: PublicKey
    ) async throws -> X509SVIDAttributes {
      var changed = attributes
      changed.subject.extraNames = [.init(type: .attribute(45), value: "unique")]
      changed.extraExtensions = extra
      return changed
    }
    func composeWorkloadJWTSVID(_ claims: JSONObject, id: SPIFFEID) async throws -> JSONObject {
      var changed = claims
      changed["team"] = "a"
      return changed
    }
  }

  @Test func composersAddAndCannotReplace() async throws {
    let extra = X509Extension(type: try #require(OID("1.2.3.4")), isCritical: false, value: [5, 0])
    let (_, authority) = try await IssuanceTests.started { $0.composers = [Composer(extra: [extra])] }
    let request = X509SVIDRequest(id: Fixture.id("/w"), publicKey: Fixture.workloadKey())
    let certificate = try IssuanceTests.certificate(try await authority.issueX509SVID(request))
    #expect(certificate.extensions.map { "\($0.oid)" }.last == "1.2.3.4")
    #expect(try X509Certificates.uriNames(of: certificate) == ["spiffe://example.org/w"])
    let ca = try #require(authority.activeX509CA)
    #expect(ca.subject.commonName == "composed" && !ca.subject.serialNumber.isEmpty)
    let parsed = try X509Certificates.parse(der: ca.certificate)
    #expect(parsed.extensions.map { "\($0.oid)" }.last == "2.5.29.32")
    let token = try await authority.issueJWTSVID(JWTSVIDRequest(id: Fixture.id("/w"), audience: ["a"]))
    #expect(try UnverifiedJWTSVID(parsing: token.token).claims["team"] == "a")

    let san = X509Extension(type: .subjectAlternativeName, value: [0x30, 0])
    let (_, fooled) = try await IssuanceTests.started { $0.composers = [Composer(extra: [san])] }
    await #expect(throws: AuthorityError(.internal, "")) { try await fooled.issueX509SVID(request) }
  }
}
