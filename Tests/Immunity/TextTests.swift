import Foundation
import Glibc
import Logging
import Testing

@testable import AgentPlugins
@testable import Daemon
@testable import Flags
@testable import RPC

/// Text of others in places where some characters mean something: logs, terminals, metrics, paths. Their origins are in
/// docs/security/immunity.md.
@Suite struct TextTests {
  /// What ends a line or begins a command of a terminal; what changes the order in which a line is read; and delimiters
  /// that are no characters of their own, as something follows that belongs to them. No arguments of tests: these are
  /// printed, to the terminal of whoever runs them.
  static let hostile = [
    "a\nlevel=error msg=forged", "a\r\nb", "a\u{1b}[2J\u{1b}]0;title\u{7}", "a\u{9b}31mb", "a\u{0}b", "a\u{7f}b",
    "a\u{202E}b", "a\u{2028}b", "a\" level=error b=\"c", "a\"\u{301} forged=\"\u{301}", "a\\\u{301}",
    "a\n\u{301}forged", "a=b",
  ]

  private func lines(_ format: LogFormat, _ body: (Logger) -> Void) throws -> String {
    let path = NSTemporaryDirectory() + "log-\(UUID().uuidString.prefix(8))"
    defer { unlink(path) }
    body(LogOutput(writer: try LogWriter(path: path), format: format, level: LogLevelControl(launch: .debug)).logger)
    return try String(contentsOfFile: path, encoding: .utf8)
  }

  /// A record is one line, and has the fields that the program gave it.
  @Test func aRecordIsOneLine() throws { for text in Self.hostile { try recordIsOneLine(text) } }

  private func recordIsOneLine(_ text: String) throws {
    let plain = try lines(.text) { $0.warning("Refused: \(text)", metadata: ["name": .string(text), "end": "here"]) }
    #expect(plain.utf8.filter { $0 == 0x0A }.count == 1 && plain.hasSuffix("\n"))
    #expect(!plain.unicodeScalars.dropLast().contains { $0.properties.generalCategory == .control })
    #expect(!plain.unicodeScalars.contains { $0.properties.generalCategory == .format })
    // Byte by byte: outside of quotes there is nothing but what the formatter wrote.
    #expect(
      Self.outsideOfQuotes(plain.dropLast()) == "time= level=warning msg= end=here name=", "\(plain.debugDescription)")

    let json = try lines(.json) { $0.warning("Refused: \(text)", metadata: ["name": .string(text)]) }
    #expect(json.utf8.filter { $0 < 0x20 } == [0x0A])
    let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: String])
    #expect(object.keys.sorted() == ["level", "msg", "name", "time"])
    #expect(object["name"].map { Array($0.unicodeScalars) } == Array(text.unicodeScalars))
  }

  private static func outsideOfQuotes(_ line: some StringProtocol) -> String {
    var (result, isInside, isEscaped): ([UInt8], Bool, Bool) = ([], false, false)
    for byte in line.utf8 {
      if isEscaped {
        isEscaped = false
      } else if isInside, byte == UInt8(ascii: "\\") {
        isEscaped = true
      } else if byte == UInt8(ascii: "\"") {
        isInside.toggle()
      } else if !isInside {
        result.append(byte)
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// The same for eyes: colours are the formatter's, and nothing else moves the cursor.
  @Test func aRecordOnATerminalIsOneLine() { for text in Self.hostile { recordOnATerminalIsOneLine(text) } }

  private func recordOnATerminalIsOneLine(_ text: String) {
    let record = LogRecord(
      time: Date(), level: .error, message: "Refused: \(text)", metadata: ["name": .string(text)], source: nil)
    let line = LogTerminalFormatter(start: Date()).format(record)
    #expect(line.utf8.filter { $0 == 0x0A }.count == 1)
    let own = line.replacing("\u{1b}[31m", with: "").replacing("\u{1b}[0m", with: "")
    #expect(
      !own.unicodeScalars.dropLast().contains { $0.properties.generalCategory == .control }, "\(own.debugDescription)")
  }

  /// What commands print for eyes: names, labels and error texts of others.
  @Test func commandsDoNotMoveTheCursor() {
    #expect(CommandIO.visible("Selector: tag:\u{1b}[2Jx\u{7}\r\n\tnext") == "Selector: tag:\\x1b[2Jx\\x07\\x0d\n\tnext")
    #expect(CommandIO.visible("a\u{9b}31m\u{7f}\u{0}") == "a\\x9b31m\\x7f\\x00")
    let harmless = "Entry ID : x\n\tä 世界 \u{1F600}\n"
    #expect(CommandIO.visible(harmless) == harmless)
    for text in Self.hostile {
      let shown = CommandIO.visible(text).unicodeScalars
      #expect(!shown.contains { $0 != "\n" && $0.properties.generalCategory == .control })
    }
  }

  /// A label's value stays one, for readers of bytes.
  @Test func aLabelIsOneValue() throws { for text in Self.hostile { try labelIsOneValue(text) } }

  private func labelIsOneValue(_ text: String) throws {
    let sink = PrometheusSink(prefix: "p")
    sink.incrementCounter(["c"], by: 1, labels: [MetricLabel("peer", text)])
    let series = sink.page().utf8.split(separator: 0x0A).filter { $0.starts(with: "c{".utf8) }
    #expect(series.count == 1)
    let line = try #require(series.first.map { String(Substring($0)) })
    #expect(Self.outsideOfQuotes(line) == "c{peer=} 1", "\(line.debugDescription)")
  }

  /// Values of strangers do not fill the memory: there are so many series, and no more.
  @Test func seriesOfStrangersAreBounded() {
    let sink = PrometheusSink(prefix: "p", maximumSeries: 100)
    for index in 0..<5000 { sink.incrementCounter(["c"], by: 1, labels: [MetricLabel("peer", "\(index)")]) }
    #expect(sink.page().utf8.split(separator: 0x0A).filter { $0.starts(with: "c{".utf8) }.count == 100)
  }

  /// Names that a container gave folders of its own below its cgroup: a slash is a slash, whatever follows.
  @Test func foldersOfACgroupAreCutAsTheKernelCutsThem() throws {
    let matchers = try ContainerIDMatchers(["/docker/<id>", "/other/<id>/*"])
    #expect(try matchers.containerID(in: ["/docker/abc"]) == "abc")
    for path in ["/docker/abc/\u{301}x", "/docker/\u{301}a/b", "/docker/abc\n/x", "/docker\u{301}/abc", "/dockeŕ/abc"] {
      #expect(try matchers.containerID(in: [path]) == nil, "\(path.debugDescription)")
    }
    #expect(try matchers.containerID(in: ["/other/abc/\u{301}x"]) == "abc")
    #expect(try matchers.containerID(in: ["/other/abc/x/\u{301}"]) == nil)
  }

  /// The mode of a socket is given to the socket: not to what a link leads to, nor to another file of its name.
  @Test func aLinkInThePlaceOfASocket() throws {
    let folder = NSTemporaryDirectory() + "sock-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func mode(_ path: String) throws -> Int? {
      try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }
    let (secret, link, name) = (folder + "/secret", folder + "/link", folder + "/name")
    try Data("x".utf8).write(to: URL(fileURLWithPath: secret))
    #expect(chmod(secret, 0o600) == 0 && symlink(secret, link) == 0 && Glibc.link(secret, name) == 0)
    for path in [link, name, secret, folder] {
      #expect(throws: EndpointError.self) { try ListeningSocket.setMode(of: path, 0o777) }
    }
    #expect(throws: EndpointError.self) { try ListeningSocket.setMode(of: folder + "/none", 0o777) }
    #expect(try mode(secret) == 0o600)
    let socket = try ListeningSocket.unix(path: folder + "/api.sock", mode: 0o771, directoryMode: 0o750)
    #expect(try mode(folder + "/api.sock") == 0o771)
    withExtendedLifetime(socket) {}
    // A link that was there before is no socket either.
    #expect(throws: EndpointError.self) { try ListeningSocket.unix(path: link, mode: 0o777, directoryMode: 0o750) }
    #expect(try mode(secret) == 0o600)
  }
}
