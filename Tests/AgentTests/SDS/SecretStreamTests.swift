import EnvoyProtos
import Foundation
import SPIFFE
import SwiftProtobuf
import Testing

@testable import Agent

/// The rules of StreamSecrets (agent-behaviour §12), one by one.
@Suite struct SecretStreamTests {
  private static let web = "spiffe://example.org/web"
  private static let db = "spiffe://example.org/db"
  private static let td = "spiffe://example.org"
  private static let partner = "spiffe://a-partner.test"

  /// A stream that got its first update and this request.
  private func stream(
    _ names: [String], _ update: WorkloadUpdate, aliases: SecretNames = SecretNames(), node: EnvoyNode? = nil
  ) -> SecretStream {
    var stream = SecretStream(aliases)
    stream.receive(update)
    _ = stream.receive(.names(names, node: node))
    return stream
  }

  /// How a stream ends that is asked for these names and that the server knows nothing new about.
  private func end(
    _ names: [String], _ update: WorkloadUpdate, aliases: SecretNames = SecretNames(), node: EnvoyNode? = nil
  ) -> AgentError? {
    var stream = stream(names, update, aliases: aliases, node: node)
    var action = stream.act()
    if action == .lookAgain {
      stream.look(update)
      action = stream.act()
    }
    guard case .end(let error)? = action else { return nil }
    return error
  }

  // MARK: Names

  @Test func certificatesByIDAndByAlias() throws {
    let world = try SecretWorld()
    let update = try world.update()
    for (name, index) in [(Self.web, 0), (Self.db, 1), ("default", 0)] {
      var stream = stream([name], update)
      let response = try stream.response()
      #expect(response.names == [name])
      #expect(response.typeURL == Secret.typeURL)
      let certificate = try response.secret(name).tlsCertificate
      let svid = update.identities[index].svid
      #expect(certificate.certificateChain.inlineBytes == Data(PEM.encode(svid.chain, type: "CERTIFICATE").utf8))
      #expect(certificate.privateKey.inlineBytes == Data(PEM.encode(svid.privateKey, type: "PRIVATE KEY").utf8))
    }
  }

  @Test func theAliasAndTheFirstIdentitysOwnIDGoTogether() throws {
    var stream = stream(["default", Self.web], try SecretWorld().update())
    #expect(try stream.response().names == [Self.web, "default"])
  }

  @Test func bundlesByIDAndByAlias() throws {
    let world = try SecretWorld()
    let update = try world.update()
    let own = String(decoding: world.bundle.pem, as: UTF8.self)
    let other = String(decoding: world.partnerBundle.pem, as: UTF8.self)
    #expect(own.hasPrefix("-----BEGIN CERTIFICATE-----\n") && own != other)
    let rows = [
      (Self.td, ["example.org": own]), ("ROOTCA", ["example.org": own]), (Self.partner, ["a-partner.test": other]),
      ("ALL", ["example.org": own, "a-partner.test": other]),
    ]
    for (name, expected) in rows {
      var stream = stream([name], update)
      #expect(try stream.response().secret(name).validator() == expected)
    }
    var all = stream(["ALL"], update)
    let custom = try all.response().secret("ALL").validationContext.customValidatorConfig
    let order = try SPIFFEValidator(serializedBytes: custom.typedConfig.value).trustDomains.map(\.name)
    #expect(order == ["a-partner.test", "example.org"])
  }

  @Test func allBundleAliasesAreHonouredInOneRequest() throws {
    var stream = stream(["ALL", "ROOTCA", Self.td], try SecretWorld().update())
    #expect(try stream.response().names == [Self.td, "ROOTCA", "ALL"])
  }

  @Test(arguments: [[], [""], ["", ""]])
  func anEmptyListIsEverythingUnderItsOwnName(_ names: [String]) throws {
    var stream = stream(names, try SecretWorld().update())
    #expect(try stream.response().names == [Self.td, Self.partner, Self.web, Self.db])
  }

  @Test func emptyNamesBesideOthersAreIgnored() throws {
    var stream = stream(["", Self.db], try SecretWorld().update())
    #expect(try stream.response().names == [Self.db])
  }

  @Test func twoIdentitiesWithOneID() throws {
    let update = try SecretWorld().update([("1", "/web"), ("2", "/web")])
    var named = stream([Self.web], update)
    let certificate = try named.response().secret(Self.web).tlsCertificate.certificateChain.inlineBytes
    #expect(certificate == Data(PEM.encode(update.identities[0].svid.chain, type: "CERTIFICATE").utf8))
    var all = stream([], update)
    #expect(try all.response().names == [Self.td, Self.partner, Self.web, Self.web])
  }

  @Test func hintsAreNoFilter() throws {
    let world = try SecretWorld()
    let identities = try ["1", "2"].map { id in
      let entry = try entry(id, "/\(id)", ["uid:0"], hint: "same")
      return WorkloadIdentity(entry: entry, svid: try world.own.svid(entry, now: world.now))
    }
    let update = WorkloadUpdate(identities: identities, bundle: world.bundle, federatedBundles: [])
    var stream = stream([], update)
    #expect(try stream.response().names == [Self.td, "spiffe://example.org/1", "spiffe://example.org/2"])
  }

  @Test func unknownNamesEndTheStreamInOrder() throws {
    let update = try SecretWorld().update()
    let error = end(["spiffe://z.test", Self.web, "b\"", "ALL"], update)
    #expect(error?.code == .invalidArgument)
    #expect(
      error?.message == #"workload is not authorized for the requested identities ["b\"" "spiffe://z.test"]"#)
  }

  @Test func withoutIdentityThereIsTheOwnBundle() throws {
    let update = try SecretWorld().update([])
    for name in [Self.td, "ROOTCA", "ALL"] {
      var stream = stream([name], update)
      #expect(try stream.response().names == [name])
    }
    for name in ["default", Self.web, Self.partner] {
      #expect(
        end([name], update)?.message == "workload is not authorized for the requested identities [\"\(name)\"]")
    }
    var everything = stream([], update)
    #expect(everything.act() == .lookAgain)
    everything.look(update)
    #expect(try everything.response().names == [Self.td])
  }

  @Test func configuredNamesTakeTheDefaultsPlace() throws {
    let update = try SecretWorld().update()
    var aliases = SecretNames()
    aliases.svid = "me"
    aliases.bundle = "ca"
    aliases.allBundles = "ROOTCA"
    var stream = stream(["me", "ca", "ROOTCA"], update, aliases: aliases)
    let response = try stream.response()
    #expect(response.names == ["ca", "ROOTCA", "me"])
    #expect(try response.secret("ROOTCA").validator()?.count == 2)
    #expect(end(["default", "ALL"], update, aliases: aliases)?.message.hasSuffix(#"["ALL" "default"]"#) == true)
  }

  @Test func whereTwoAliasesHaveOneNameItIsTheBundle() throws {
    var aliases = SecretNames()
    aliases.allBundles = nil
    var stream = stream(["ROOTCA"], try SecretWorld().update(), aliases: aliases)
    #expect(try stream.response().secret("ROOTCA").validator()?.count == 1)
  }

  // MARK: The form of bundles

  @Test func plainAuthoritiesWhereTheValidatorIsNotWanted() throws {
    let world = try SecretWorld()
    let update = try world.update()
    let own = String(decoding: world.bundle.pem, as: UTF8.self)
    var aliases = SecretNames()
    aliases.disablesSPIFFEValidation = true
    for (aliases, node) in [(aliases, nil), (SecretNames(), EnvoyNode(takesSPIFFEValidator: false))] {
      var stream = stream([Self.td, Self.partner, "ROOTCA"], update, aliases: aliases, node: node)
      let response = try stream.response()
      for name in [Self.td, "ROOTCA"] {
        #expect(try response.secret(name).authorities == own)
        #expect(try response.secret(name).validator() == nil)
      }
      #expect(try response.secret(Self.partner).authorities == String(decoding: world.partnerBundle.pem, as: UTF8.self))
      let error = end(["ALL"], update, aliases: aliases, node: node)
      #expect(error?.code == .internalError)
      #expect(error?.message == #"unable to use "SPIFFE validator" on Envoy below 1.17"#)
    }
  }

  @Test func theLastKnownNodeHolds() throws {
    var stream = stream([Self.td], try SecretWorld().update(), node: EnvoyNode(id: "a", takesSPIFFEValidator: false))
    let first = try stream.response()
    _ = stream.receive(.names(["ROOTCA"], nonce: first.nonce, version: "1"))
    #expect(stream.node?.id == "a")
    let second = try stream.response()
    #expect(try second.secret("ROOTCA").validator() == nil)
    _ = stream.receive(.names([Self.td], nonce: second.nonce, version: "1", node: EnvoyNode(id: "b")))
    #expect(try stream.response().secret(Self.td).validator() != nil)
  }

  // MARK: Versions, nonces, acknowledgements

  @Test func aRequestBeforeTheFirstUpdateIsKept() throws {
    let world = try SecretWorld()
    var stream = SecretStream(SecretNames())
    #expect(stream.receive(.names([Self.td])) == [.received])
    #expect(stream.act() == nil && stream.isUnanswered)
    stream.receive(try world.update())
    let response = try stream.response()
    #expect(response.version == "1" && response.names == [Self.td])
    #expect(!stream.isUnanswered)
  }

  @Test func versionsCountUpdatesAndNoncesResponses() throws {
    let world = try SecretWorld()
    var stream = SecretStream(SecretNames())
    // What came before anybody asked counts too.
    stream.receive(try world.update())
    stream.receive(try world.update())
    _ = stream.receive(.names([Self.web]))
    var nonces: [UInt32] = [0xdead_beef, 0x1, 0xff00]
    func next() -> SecretResponse? {
      guard case .send(let response)? = stream.next(nonce: { nonces.removeFirst() }) else { return nil }
      return response
    }
    let first = next()
    #expect(first?.version == "2" && first?.nonce == "deadbeef")
    #expect(stream.receive(.names([Self.web], nonce: "deadbeef", version: "2")) == [.received])
    #expect(next() == nil)
    stream.receive(try world.update())
    let second = next()
    #expect(second?.version == "3" && second?.nonce == "00000001")
    // Another list is answered from the last update, with its version.
    #expect(stream.receive(.names([Self.web, Self.db], nonce: "00000001", version: "3")) == [.received])
    let third = next()
    #expect(third?.version == "3" && third?.nonce == "0000ff00" && third?.names == [Self.web, Self.db])
  }

  @Test func everyUpdateIsSentAlsoWhereWhatWasAskedForIsTheSame() throws {
    let world = try SecretWorld()
    var stream = stream([Self.td], try world.update())
    let first = try stream.response()
    stream.receive(try world.update())
    let second = try stream.response()
    #expect(second.version == "2" && second.resources == first.resources)
  }

  @Test func anUpdateThatRepeatsTheLastOneIsNone() throws {
    let update = try SecretWorld().update()
    var stream = stream([Self.td], update)
    _ = try stream.response()
    stream.receive(update)
    #expect(stream.act() == nil)
  }

  @Test func listsAreComparedByLengthAndMembership() throws {
    let update = try SecretWorld().update()
    let rows: [(old: [String], new: [String], isAnswered: Bool)] = [
      ([Self.web, Self.db], [Self.db, Self.web], false), ([Self.web], [Self.web, Self.web], true),
      ([Self.web, Self.web], [Self.web, Self.db], true), ([Self.web, Self.db], [Self.web, Self.web], false),
      ([], [Self.web], true), ([Self.web], [], true), ([Self.web, Self.db], [Self.web], true),
    ]
    for row in rows {
      var stream = stream(row.old, update)
      let nonce = try stream.response().nonce
      _ = stream.receive(.names(row.new, nonce: nonce, version: "1"))
      #expect((stream.act() != nil) == row.isAnswered, "\(row)")
    }
  }

  @Test func aRequestWithAnotherNonceIsIgnored() throws {
    let world = try SecretWorld()
    var stream = stream([Self.web], try world.update())
    _ = try stream.response()
    let stale = SecretRequest.names([Self.db], nonce: "00000002", version: "1", node: EnvoyNode(id: "other"))
    #expect(stream.receive(stale) == [.received, .stale(expected: "00000001")])
    #expect(stream.act() == nil && stream.node == nil)
    stream.receive(try world.update())
    #expect(try stream.response().names == [Self.web])
  }

  @Test func aRefusedResponseIsReportedAndNotRepeated() throws {
    let world = try SecretWorld()
    var stream = stream([Self.web], try world.update())
    let nonce = try stream.response().nonce
    for version in ["", "0"] {
      let notes = stream.receive(.names([Self.web], nonce: nonce, version: version, failure: "bad key"))
      #expect(notes == [.received, .rejected("bad key"), .rolledBack(expected: "1")])
      #expect(stream.act() == nil)
    }
    // A client that keeps the version it has, and says why not.
    #expect(
      stream.receive(.names([Self.web], nonce: nonce, version: "1", failure: "x")) == [.received, .rejected("x")])
    // What is wrong is said whatever else the request is.
    #expect(
      stream.receive(.names([Self.web], nonce: "?", failure: "y"))
        == [.received, .rejected("y"), .stale(expected: nonce)])
    // A refusal with another list is answered.
    _ = stream.receive(.names([Self.db], nonce: nonce, failure: "z"))
    #expect(try stream.response().names == [Self.db])
    stream.receive(try world.update())
    #expect(try stream.response().version == "2")
  }

  @Test func aFirstRequestMayHaveAVersionFromAnotherStream() throws {
    var stream = SecretStream(SecretNames())
    #expect(stream.receive(.names([Self.web], nonce: "old", version: "7")) == [.received])
    stream.receive(try SecretWorld().update())
    #expect(try stream.response().version == "1")
  }

  // MARK: Looking again

  @Test func beforeANameIsRefusedTheServerIsAsked() throws {
    let world = try SecretWorld()
    var stream = stream([Self.db], try world.update([("1", "/web")]))
    #expect(stream.act() == .lookAgain)
    #expect(stream.act() == .lookAgain)
    #expect(stream.isUnanswered)
    stream.lookedAgain()
    // What was there before is no answer.
    #expect(stream.act() == nil && stream.isUnanswered)
    let update = try world.update()
    stream.receive(update)
    let response = try stream.response()
    #expect(response.names == [Self.db] && response.version == "2")
    // Once per list: another one may name what is new.
    _ = stream.receive(.names(["spiffe://example.org/x"], nonce: response.nonce, version: "2"))
    #expect(stream.act() == .lookAgain)
    stream.look(update)
    guard case .end? = stream.act() else { return #expect(Bool(false)) }
  }

  @Test func anIdentityThatIsTakenAwayEndsTheStreamAtOnce() throws {
    let world = try SecretWorld()
    var stream = stream([Self.db], try world.update())
    _ = try stream.response()
    stream.receive(try world.update([("1", "/web")]))
    guard case .end(let error)? = stream.act() else { return #expect(Bool(false)) }
    #expect(error.code == .invalidArgument)
  }
}
