import Testing

@testable import Server

@Suite struct NearestNamesTests {
  @Test(arguments: [
    ("/web", ["/wbe", "/other"], ["/wbe"]),
    ("/prod/payments", ["/prod/payment", "/prod/paymants", "/x"], ["/prod/paymants", "/prod/payment"]),
    ("/Web", ["/web"], ["/web"]),
    ("/web", ["/ns/prod/web", "/ns/prod/api"], ["/ns/prod/web"]),
    ("/web", ["/web"], []),
    ("/abcdef", ["/uvwxyz"], []),
    ("", ["/a"], ["/a"]),
  ])
  func nearestFirst(_ name: String, _ candidates: [String], _ expected: [String]) {
    #expect(NearestNames.find(name, among: candidates) == expected)
  }

  @Test func distancesEndAtTheLimit() {
    func distance(_ a: String, _ b: String, _ limit: Int) -> Int? {
      NearestNames.distance(Array(a.utf8), Array(b.utf8), limit: limit)
    }
    #expect(distance("kitten", "sitting", 3) == 3)
    #expect(distance("kitten", "sitting", 2) == nil)
    #expect(distance("", "", 0) == 0)
    #expect(distance("a", "", 1) == 1)
    #expect(distance("ab", "AB", 1) == 1)
  }

  @Test func onlySoManyAreNamed() {
    let many = (0..<1000).map { "/service-\($0)" }
    #expect(NearestNames.find("/service-x", among: many).count == 3)
    #expect(NearestNames.find("/service-x", among: many + many).count == 3)
  }
}

@Suite struct RecentValuesTests {
  @Test func whatWasNotWrittenForLongIsForgotten() {
    var values = RecentValues<Int, Int>(capacity: 10)
    for key in 0..<1000 {
      values[key] = key
      values[0] = key
      #expect(values.count <= 20)
    }
    #expect(values[0] == 999)
    #expect(values[999] == 999)
    #expect(values[500] == nil)
    values[0] = nil
    #expect(values[0] == nil)
  }
}
