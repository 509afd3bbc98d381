import Foundation
import Testing

@testable import Daemon

@Suite struct HTTPDateTests {
  @Test func readsWhatItWrites() {
    let date = Date(timeIntervalSince1970: 784_111_777)
    #expect(HTTPDate.text(date + 0.9) == "Sun, 06 Nov 1994 08:49:37 GMT")
    #expect(HTTPDate.parse("Sun, 06 Nov 1994 08:49:37 GMT") == date)
    for day in stride(from: -400.0, to: 40_000, by: 97) {
      let date = Date(timeIntervalSince1970: day * 86400 + 3661)
      #expect(HTTPDate.parse(HTTPDate.text(date)) == date)
    }
    #expect(HTTPDate.text(Date(timeIntervalSince1970: 0)).hasPrefix("Thu, 01 Jan 1970"))
    #expect(HTTPDate.text(Date(timeIntervalSince1970: -86400)).hasPrefix("Wed, 31 Dec 1969"))
  }

  @Test(arguments: [
    "", "Sun, 06 Nov 1994 08:49:37", "Sun, 6 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov  6 08:49:37 1994", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Now 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 25:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 CET",
  ])
  func anythingElseIsNone(_ text: String) { #expect(HTTPDate.parse(text) == nil) }
}
