import Foundation
import SPIFFE
import Testing

@testable import Agent

/// The rules of DeltaSecrets: the xDS protocol's for changes, on the state machine of StreamSecrets.
@Suite struct DeltaSecretStreamTests {
  private static let web = "spiffe://example.org/web"
  private static let db = "spiffe://example.org/db"
  private static let td = "spiffe://example.org"
  private static let partner = "spiffe://a-partner.test"

  private func stream(_ request: SecretRequest, _ update: WorkloadUpdate) -> SecretStream {
    var stream = SecretStream(SecretNames())
    _ = stream.receive(request)
    stream.receive(update)
    return stream
  }

  @Test func onlyWhatChangesIsSentAgain() throws {
    let world = try SecretWorld()
    let first = try world.update()
    var stream = stream(.changes([Self.web, Self.td]), first)
    let response = try stream.response()
    #expect(response.names == [Self.td, Self.web] && response.version == "1" && response.removed.isEmpty)
    #expect(response.resources.allSatisfy { $0.version.count == 16 })
    #expect(Set(response.resources.map(\.version)).count == 2)
    _ = stream.receive(.changes(nonce: response.nonce))
    #expect(stream.act() == nil)
    // Other identities are new, the bundle is not.
    stream.receive(try world.update())
    let second = try stream.response()
    #expect(second.names == [Self.web] && second.version == "2")
    #expect(second.resources[0].version != response.resources[1].version)
    // Another identity alone is nobody's business.
    stream.receive(
      WorkloadUpdate(
        identities: [first.identities[0]], bundle: world.bundle, federatedBundles: []))
    #expect(try stream.response().names == [Self.web])
    stream.receive(
      WorkloadUpdate(
        identities: first.identities, bundle: world.bundle, federatedBundles: [world.partnerBundle]))
    #expect(stream.act() == nil && !stream.isUnanswered)
  }

  @Test func namesAreAddedAndTakenAway() throws {
    let world = try SecretWorld()
    var stream = stream(.changes([Self.web]), try world.update())
    let first = try stream.response()
    _ = stream.receive(.changes([Self.db, "ROOTCA"], nonce: first.nonce))
    #expect(try stream.response().names == ["ROOTCA", Self.db])
    _ = stream.receive(.changes(unsubscribe: [Self.web, "never"]))
    #expect(stream.act() == nil)
    stream.receive(try world.update())
    #expect(try stream.response().names == [Self.db])
    // Coming back, it is sent.
    _ = stream.receive(.changes([Self.web]))
    #expect(try stream.response().names == [Self.web])
  }

  @Test func subscribingAgainSendsAgain() throws {
    var stream = stream(.changes([Self.web]), try SecretWorld().update())
    let first = try stream.response()
    _ = stream.receive(.changes([Self.web], nonce: first.nonce))
    #expect(try stream.response().resources == first.resources)
  }

  @Test func aClientThatComesBackGetsOnlyWhatIsNew() throws {
    let world = try SecretWorld()
    let update = try world.update()
    var before = stream(.changes([Self.web, Self.td, Self.db]), update)
    var known = Dictionary(uniqueKeysWithValues: try before.response().resources.map { ($0.name, $0.version) })
    var same = stream(.changes([Self.web, Self.td, Self.db], known: known), update)
    #expect(same.act() == nil && !same.isUnanswered)
    known[Self.web] = "other"
    known["spiffe://example.org/not-asked-for"] = "x"
    var other = stream(.changes([Self.web, Self.td, Self.db], known: known), update)
    let response = try other.response()
    #expect(response.names == [Self.web] && response.removed.isEmpty)
    // What it had and may not have any more.
    let less = try world.update([("1", "/web")])
    var gone = stream(.changes([Self.web, Self.db], known: known), less)
    #expect(gone.act() == .lookAgain)
    gone.look(less)
    let last = try gone.response()
    #expect(last.names == [Self.web] && last.removed == [Self.db])
  }

  @Test func whatGoesIsNamedAndTheStreamStays() throws {
    let world = try SecretWorld()
    var stream = stream(.changes([Self.web, Self.db]), try world.update())
    _ = try stream.response()
    stream.receive(
      WorkloadUpdate(
        identities: [try world.update().identities[0]], bundle: world.bundle, federatedBundles: []))
    let response = try stream.response()
    #expect(response.removed == [Self.db] && response.names == [Self.web])
    stream.receive(try world.update([("1", "/web")]))
    #expect(try stream.response().removed.isEmpty)
    stream.receive(try world.update())
    #expect(try stream.response().names == [Self.web, Self.db])
  }

  @Test func unknownNamesAreAnsweredOnceAndServedWhenTheyCome() throws {
    let world = try SecretWorld()
    let less = try world.update([("1", "/web")])
    var stream = stream(.changes([Self.db, Self.td]), less)
    #expect(stream.act() == .lookAgain)
    stream.look(less)
    let response = try stream.response()
    #expect(response.names == [Self.td] && response.removed == [Self.db])
    stream.receive(try world.update([("1", "/web")]))
    #expect(stream.act() == nil)
    stream.receive(try world.update())
    #expect(try stream.response().names == [Self.db])
  }

  @Test(arguments: [[], ["*"], [""]])
  func everything(_ names: [String]) throws {
    let world = try SecretWorld()
    var stream = stream(.changes(names), try world.update([("1", "/web"), ("2", "/web"), ("3", "/db")]))
    #expect(try stream.response().names == [Self.td, Self.partner, Self.web, Self.db])
    stream.receive(try world.update([("1", "/web")], federated: false))
    let second = try stream.response()
    #expect(second.names == [Self.web] && second.removed == [Self.partner, Self.db])
  }

  @Test func everythingAndNamesBesideIt() throws {
    let world = try SecretWorld()
    var stream = stream(.changes(["*", "ROOTCA", Self.web]), try world.update())
    #expect(try stream.response().names == [Self.td, "ROOTCA", Self.partner, Self.web, Self.db])
    // Still part of everything, and the client has dropped it.
    _ = stream.receive(.changes(unsubscribe: [Self.web]))
    #expect(try stream.response().names == [Self.web])
    _ = stream.receive(.changes(unsubscribe: ["*"]))
    #expect(stream.act() == nil)
    stream.receive(try world.update())
    #expect(stream.act() == nil)
    _ = stream.receive(.changes([Self.web]))
    #expect(try stream.response().names == [Self.web])
  }

  @Test func withNothingLeftNothingIsSent() throws {
    let world = try SecretWorld()
    var stream = stream(.changes([Self.web]), try world.update())
    _ = try stream.response()
    _ = stream.receive(.changes(unsubscribe: [Self.web]))
    stream.receive(try world.update())
    #expect(stream.act() == nil && !stream.isUnanswered)
  }

  @Test func aRefusalIsReportedAndNotRepeatedWhateverItsNonce() throws {
    let world = try SecretWorld()
    var stream = stream(.changes([Self.web]), try world.update())
    let nonce = try stream.response().nonce
    for nonce in [nonce, "older"] {
      #expect(stream.receive(.changes(nonce: nonce, failure: "bad")) == [.received, .rejected("bad")])
      #expect(stream.act() == nil)
    }
    stream.receive(try world.update())
    #expect(try stream.response().names == [Self.web])
  }

  @Test func aStreamAsksForSoManyNamesAtMost() throws {
    let update = try SecretWorld().update()
    let many = (0..<SecretRequest.mostNames).map { "n\($0)" }
    var stream = stream(.changes(many), update)
    #expect(stream.act() == .lookAgain)
    _ = stream.receive(.changes(["one more"]))
    guard case .end(let error)? = stream.act() else { return #expect(Bool(false)) }
    #expect(error.code == .invalidArgument && error.message.hasPrefix("1001 resource names"))
  }
}
