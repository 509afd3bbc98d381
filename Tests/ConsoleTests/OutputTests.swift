import Flags
import SPIREProtos
import SwiftProtobuf
import Testing

@testable import Console

@Suite struct OutputTests {
  @Test(arguments: ["pretty", "PRETTY", "prettyprint", "PrettyPrint"]) func prettyHasTwoNames(_ name: String) throws {
    var output = OutputChoice()
    try output.choose(name)
    #expect(output.format == .pretty)
  }

  @Test func jsonInAnyCase() throws {
    var output = OutputChoice()
    try output.choose("JSON")
    #expect(output.format == .json)
  }

  @Test func anotherFormatIsRefused() {
    var output = OutputChoice()
    let error = #expect(throws: FlagValueError.self) { try output.choose("yaml") }
    #expect(error?.description == "bad formatter flag: unknown format option: \"yaml\"")
  }

  @Test func theFormatIsChosenOnce() throws {
    var output = OutputChoice()
    try output.choose("json")
    try output.choose("json")
    let error = #expect(throws: FlagValueError.self) { try output.choose("pretty") }
    #expect(error?.description.hasSuffix("the output format has already been set to \"json\"") == true)
  }

  @Test func severalMessagesAreAnArray() throws {
    var output = OutputChoice()
    try output.choose("json")
    let captured = CapturedIO()
    output.print("a", "b", to: captured.io) {}
    output.print("c", to: captured.io) {}
    #expect(captured.stdout == "[\"a\",\"b\"]\n\"c\"\n")
  }

  @Test func numbersFindTheirNoun() {
    #expect(count(0, "bundle", "bundles") == "0 bundles")
    #expect(count(1, "bundle", "bundles") == "1 bundle")
    #expect(count(2, "bundle", "bundles") == "2 bundles")
  }

  @Test func statusNamesAreGos() {
    #expect(statusName(0) == "OK")
    #expect(statusName(1) == "Canceled")
    #expect(statusName(6) == "AlreadyExists")
    #expect(statusName(13) == "Internal")
    #expect(statusName(42) == "Code(42)")
  }

  @Test func levelsHaveLogrusNames() throws {
    let captured = CapturedIO()
    LoggerReport.print(.with { $0.currentLevel = .warn }, io: captured.io)
    #expect(captured.stdout == "Logger Level : warning\nLaunch Level : unspecified\n\n")
    #expect(try LoggerReport.level("Warning") == .warn)
    #expect(try LoggerReport.level("TRACE") == .trace)
    #expect(throws: CommandFailure("a value (-level) must be set")) { try LoggerReport.level("") }
    #expect(throws: CommandFailure("the value \"loud\" is not a valid setting")) { try LoggerReport.level("loud") }
  }
}
