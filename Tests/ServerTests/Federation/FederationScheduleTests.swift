import Crypto
import DatastoreAPI
import Foundation
import HTTPTesting
import SPIFFE
import Testing

@testable import Server

/// When federated trust domains are polled (server-behaviour §9.2).
@Suite struct FederationScheduleTests {
  private let start = Date(timeIntervalSince1970: 1_000_000)

  private func relationship(_ name: String, _ url: String = "https://x") throws -> FederationRelationship {
    FederationRelationship(trustDomain: try TrustDomain(name), bundleEndpointURL: url, profile: .httpsWeb)
  }

  @Test func newTrustDomainsAreDueAtOnce() throws {
    var schedule = FederationSchedule()
    let (a, b) = (try relationship("a.test"), try relationship("b.test"))
    #expect(schedule.configure([a, b], now: start).added == [a, b])
    #expect(schedule.takeDue(at: start) == [a, b])
    // Under way: not due again.
    #expect(schedule.takeDue(at: start + 1e6).isEmpty)
    #expect(schedule.nextDue == nil)
    schedule.finished(a.trustDomain, next: start + 15, now: start)
    #expect(schedule.takeDue(at: start + 14).isEmpty)
    #expect(schedule.nextDue == start + 15)
    #expect(schedule.takeDue(at: start + 15) == [a])
  }

  @Test func reconfigurationKeepsTheRhythm() throws {
    var schedule = FederationSchedule()
    let (a, b) = (try relationship("a.test"), try relationship("b.test"))
    _ = schedule.configure([a, b], now: start)
    _ = schedule.takeDue(at: start)
    schedule.finished(a.trustDomain, next: start + 60, now: start)
    schedule.finished(b.trustDomain, next: start + 60, now: start)
    let moved = try relationship("a.test", "https://y")
    var stored = b
    stored.bundle = SPIFFE.Bundle(trustDomain: b.trustDomain)
    let changes = schedule.configure([moved, stored], now: start + 10)
    #expect(changes == .init(updated: [moved]))
    #expect(schedule.takeDue(at: start + 30).isEmpty)
    #expect(schedule.configure([moved], now: start + 40) == .init(removed: [b.trustDomain]))
    #expect(schedule.takeDue(at: start + 60) == [moved])
    // A poll that ends after its trust domain left changes nothing.
    schedule.finished(b.trustDomain, next: start, now: start)
    #expect(schedule.trustDomains == [a.trustDomain])
  }

  @Test func aClockThatWasSetBackDoesNotStopThePolls() throws {
    var schedule = FederationSchedule()
    let a = try relationship("a.test")
    _ = schedule.configure([a], now: start)
    _ = schedule.takeDue(at: start)
    schedule.finished(a.trustDomain, next: start + 60, now: start)
    #expect(schedule.takeDue(at: start - 86_400) == [a])
  }

  @Test(
    arguments: [(0, 75), (1, 15), (60, 15), (61, 15.25), (3600, 900), (Int64.max, 250_000_000)] as [(Int64, Double)])
  func theWaitIsAQuarterOfTheHint(_ hint: Int64, _ wait: Double) throws {
    let bundle = SPIFFE.Bundle(trustDomain: try TrustDomain("a.test"), refreshHint: hint)
    #expect(FederationSchedule.wait(after: bundle) == .seconds(wait))
  }

  @Test func withoutHintTheShortestRootDecides() throws {
    let domain = try TrustDomain("a.test")
    let long = try TestPKI("a.test", lifetime: 400_000)
    let short = try TestPKI("a.test", lifetime: 40_000)
    let brief = try TestPKI("a.test", lifetime: 100)
    func wait(_ authorities: [TestPKI]) -> Duration {
      FederationSchedule.wait(
        after: SPIFFE.Bundle(trustDomain: domain, x509Authorities: authorities.map { X509Authority(der: $0.der) }))
    }
    #expect(wait([long, short]) == .seconds(1000))
    #expect(wait([long, brief]) == .seconds(15))
    #expect(FederationSchedule.wait(after: nil) == .seconds(60))
  }
}
