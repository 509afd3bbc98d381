import Daemon
import DaemonTesting
import Foundation
import SPIFFE
import Synchronization
import Testing
import WorkloadProtos

@testable import SpiffeHelper

/// When things happen, and what is taken: the pure parts.
@Suite struct ScheduleTests {
  private let now = Date(timeIntervalSince1970: 1_900_000_000)

  @Test func tokensAreFetchedAtHalfOfTheirLifeAndASecond() {
    var schedule = TokenSchedule()
    #expect(schedule.fetched(expiry: now + 300, now: now) == .seconds(151))
    #expect(schedule.fetched(expiry: now + 1, now: now) == .milliseconds(1500))
    // A token of the past, or of a clock that was set: not at once, and not in a loop.
    #expect(schedule.fetched(expiry: now - 300, now: now) == .seconds(1))
  }

  @Test func failuresWaitLongerEachTimeUpToAMinute() {
    var schedule = TokenSchedule()
    #expect((0..<8).map { _ in schedule.failed() } == [1, 2, 4, 8, 16, 32, 60, 60].map { .seconds($0) })
    _ = schedule.fetched(expiry: now + 300, now: now)
    #expect(schedule.failed() == .seconds(1))
  }

  private final class Seen: Sendable {
    private let list = Mutex<[Int]>([])
    var values: [Int] { list.withLock { $0 } }
    func add(_ value: Int) -> Int {
      list.withLock { list in
        list.append(value)
        return list.count
      }
    }
  }

  @Test func theNewestValueIsHandledUntilThatWorks() async {
    let values = LatestValue<Int>()
    let time = HastyTime()
    let seen = Seen()
    values.offer(1)
    values.offer(2)
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        await values.handle(time) { value in
          // The third attempt works, by then for a newer value.
          let count = seen.add(value)
          if count == 2 { values.offer(3) }
          return count > 2
        }
      }
      while seen.values.count < 3 { await Task.yield() }
      group.cancelAll()
    }
    #expect(seen.values.prefix(3) == [2, 2, 3])
    #expect(time.waits.prefix(2) == [.seconds(1), .seconds(2)])
  }

  private func response(_ svids: [(token: String, hint: String)]) -> WorkloadJWTSVIDResponse {
    var response = WorkloadJWTSVIDResponse()
    response.svids = svids.map { token, hint in
      var svid = WorkloadJWTSVID()
      svid.spiffeID = "spiffe://example.org/web"
      svid.svid = token
      svid.hint = hint
      return svid
    }
    return response
  }

  @Test func theTokenOfTheHintIsTaken() throws {
    let (first, second) = (
      token(audience: ["a"], expiry: now + 60), token(audience: ["a", "b"], expiry: now + 90)
    )
    let both = response([(first, "internal"), (second, "external")])
    #expect(try FetchedToken(both, hint: "", audience: ["a"], now: now).token == first)
    let hinted = try FetchedToken(both, hint: "external", audience: ["a", "b"], now: now)
    #expect(hinted.token == second && hinted.expiry == now + 90)
    #expect(throws: HelperError(.unusable, "")) {
      _ = try FetchedToken(both, hint: "none", audience: ["a"], now: now)
    }
  }

  @Test func tokensOfNoUseAreNotWritten() throws {
    let fine = token(audience: ["a"], expiry: now + 60)
    for (bad, audience, at) in [
      (response([]), ["a"], now), (response([(fine, "")]), ["a", "b"], now), (response([(fine, "")]), ["a"], now + 60),
      (response([(token("spiffe://example.org/other", audience: ["a"], expiry: now + 60), "")]), ["a"], now),
    ] {
      #expect(throws: HelperError(.unusable, "")) { _ = try FetchedToken(bad, hint: "", audience: audience, now: at) }
    }
    #expect(throws: SPIFFEError.self) {
      _ = try FetchedToken(response([("nonsense", "")]), hint: "", audience: ["a"], now: now)
    }
  }

  @Test func healthIsThatOfTheFiles() throws {
    let status = WriteStatus(hasX509: true, jwt: ["certs/a", "certs/b"])
    let pages = HelperHealthPages(
      settings: .init(port: 0, livenessPath: "/live", readinessPath: "/ready"), status: status)
    func get(_ path: String) -> (Int, String) {
      let response = pages.answer(.init(method: "GET", path: path))
      return (response.status, response.body)
    }
    #expect(get("/live").0 == 200 && get("/ready").0 == 503 && get("/other").0 == 404)
    #expect(
      get("/ready").1 == """
        {"status":"Service Unavailable","health":{"file_write_statuses":{"x509_write_status":"unwritten",\
        "jwt_write_status":{"certs/a":"unwritten","certs/b":"unwritten"}}}}
        """)
    status.setX509(.written)
    status.set("certs/a", .written)
    status.set("certs/b", .failed)
    #expect(get("/live").0 == 503 && get("/ready").0 == 503)
    status.set("certs/b", .written)
    #expect(get("/live").0 == 200 && get("/ready").0 == 200 && get("/ready").1.contains(#""status":"OK""#))
    let none = WriteStatus(hasX509: false, jwt: [])
    #expect(none.document.text() == #"{"file_write_statuses":{"jwt_write_status":{}}}"#)
  }

  @Test func jwtBundlesAreAnObjectOfEncodedSets() throws {
    var response = WorkloadJWTBundlesResponse()
    response.bundles = ["spiffe://b.test": Data(#"{"keys":[]}"#.utf8), "spiffe://a.test": Data(#"{"keys": []}"#.utf8)]
    #expect(
      String(decoding: try JWTBundleDocument.encode(response), as: UTF8.self)
        == #"{"a.test":"eyJrZXlzIjogW119","b.test":"eyJrZXlzIjpbXX0="}"#)
    response.bundles["spiffe://c.test"] = Data("nonsense".utf8)
    #expect(throws: HelperError(.unusable, "")) { _ = try JWTBundleDocument.encode(response) }
  }
}
