import SPIREProtos
import SwiftProtobuf
import Testing

@testable import Agent

@Suite struct RequestedSelectorsTests {
  private func message(_ type: String, _ value: String) -> Spire_Api_Types_Selector {
    .with {
      $0.type = type
      $0.value = value
    }
  }

  @Test(arguments: [
    ("", "uid:1", "missing selector type"), ("un:ix", "uid:1", "selector type contains ':'"),
    ("unix", "", "missing selector value"),
  ])
  func malformedOnesAreNamed(_ type: String, _ value: String, _ why: String) {
    #expect(throws: RequestedSelectors.Fault.malformed(why)) {
      try RequestedSelectors.parse([message("unix", "uid:1"), message(type, value)])
    }
    #expect(RequestedSelectors.Fault.malformed(why).message == "could not parse provided selectors")
  }

  @Test func equalOnesCountOnce() throws {
    #expect(try RequestedSelectors.parse([message("unix", "a"), message("unix", "a"), message("k8s", "a")]).count == 2)
    #expect(try RequestedSelectors.parse([]).isEmpty)
  }

  @Test func numberAndSizeAreBounded() throws {
    let many = (0..<RequestedSelectors.maximumCount).map { message("t", "\($0)") }
    #expect(try RequestedSelectors.parse(many).count == many.count)
    #expect(throws: RequestedSelectors.Fault.tooMany) { try RequestedSelectors.parse(many + [message("t", "x")]) }
    let large = message("t", String(repeating: "v", count: RequestedSelectors.maximumBytes - 1))
    #expect(try RequestedSelectors.parse([large]).count == 1)
    #expect(throws: RequestedSelectors.Fault.tooMany) { try RequestedSelectors.parse([large, message("t", "x")]) }
  }
}
