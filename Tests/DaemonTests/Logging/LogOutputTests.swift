import Foundation
import Logging
import Testing

@testable import Daemon

@Suite struct LogOutputTests {
  let folder: TestFolder
  let time = TestTime(Date(timeIntervalSinceReferenceDate: 816_984_645.5))

  init() throws { folder = try TestFolder() }

  func output(
    _ format: LogFormat = .automatic, level: LogLevel = .info, hasSourceLocation: Bool = false
  ) throws -> LogOutput {
    LogOutput(
      writer: try LogWriter(path: folder.file("log")), format: format, level: LogLevelControl(launch: level),
      hasSourceLocation: hasSourceLocation, time: time)
  }

  @Test func textHasWholeSecondsByDefaultAndFractionsWhenConfigured() throws {
    try output().logger.with(subsystem: "ca_manager").info(
      "X509 CA prepared",
      metadata: [
        "slot": "A", "ttl": .stringConvertible(86399.25), "self_signed": .stringConvertible(true),
        "audience": .array(["a", "b"]), "empty": "", "admin_ids": .array([]),
      ])
    try output(.text).logger.info("Configured")
    #expect(
      try folder.lines("log") == [
        #"time="2026-11-21T20:10:45Z" level=info msg="X509 CA prepared" admin_ids="[]" audience="[a b]" empty= "#
          + "self_signed=true slot=A subsystem_name=ca_manager ttl=86399.25",
        #"time="2026-11-21T20:10:45.5Z" level=info msg=Configured"#,
      ])
  }

  @Test func jsonKeepsTypesAndSortsKeys() throws {
    try output(.json).logger.error(
      "a <b> & \"c\"\n",
      metadata: [
        "count": .stringConvertible(3), "ok": .stringConvertible(false), "ttl": .stringConvertible(1.5),
        "list": .array(["x", .stringConvertible(1)]), "map": .dictionary(["k": "v"]), "zone": "é",
      ])
    #expect(
      try folder.lines("log") == [
        #"{"count":3,"level":"error","list":["x",1],"map":{"k":"v"},"msg":"a \u003cb\u003e \u0026 \"c\"\n","ok":false,"#
          + #""time":"2026-11-21T20:10:45.5Z","ttl":1.5,"zone":"é"}"#
      ])
    let line = try folder.lines("log")[0]
    #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line.utf8)) }
  }

  @Test func clashingKeysAreRenamed() throws {
    try output().logger.info("m", metadata: ["time": "t", "level": "l", "msg": "x", "file": "f"])
    #expect(
      try folder.lines("log") == [
        #"time="2026-11-21T20:10:45Z" level=info msg=m fields.level=l fields.msg=x fields.time=t file=f"#
      ])
  }

  @Test func sourceLocationNamesFunctionAndFile() throws {
    try output(hasSourceLocation: true).logger.info("m")
    let line = try folder.lines("log")[0]
    #expect(line.contains("func=\"sourceLocationNamesFunctionAndFile()\""))
    #expect(line.contains("LogOutputTests.swift:"))
  }

  @Test func levelChangesReachLoggersThatExist() throws {
    let log = try output()
    let logger = log.logger.with(subsystem: "x")
    logger.debug("1")
    log.level.set(.debug)
    logger.debug("2")
    #expect(log.level.current == .debug && log.level.launch == .info)
    log.level.reset()
    logger.debug("3")
    log.level.set(.error)
    logger.warning("4")
    logger.error("5")
    #expect(try folder.lines("log").count == 2)
  }

  @Test func aLevelThatIsOffCostsNoMessage() throws {
    let logger = try output(level: .error).logger
    var isBuilt = false
    func text() -> String {
      isBuilt = true
      return ""
    }
    logger.info("\(text())")
    #expect(!isBuilt)
  }

  @Test func linesAreNeverTorn() async throws {
    let log = try output()
    let filler = String(repeating: "x", count: 9000)
    await withTaskGroup(of: Void.self) { group in
      for task in 0..<8 {
        group.addTask {
          for line in 0..<50 { log.logger.info("\(task).\(line)", metadata: ["filler": "\(filler)"]) }
        }
      }
    }
    let lines = try folder.lines("log")
    #expect(lines.count == 400)
    #expect(Set(lines.map { $0.split(separator: " ")[2] }).count == 400)
    #expect(lines.allSatisfy { $0.hasSuffix(" filler=" + filler) })
  }

  @Test func reopeningFollowsARotation() throws {
    let log = try output()
    log.logger.info("1")
    try FileManager.default.moveItem(atPath: folder.file("log"), toPath: folder.file("log.1"))
    log.logger.info("2")
    try log.reopen()
    log.logger.info("3")
    #expect(try folder.lines("log.1").count == 2)
    #expect(try folder.lines("log").count == 1)
    #expect(log.hasFile)
  }

  @Test func aFailedReopenKeepsTheOldFile() throws {
    let log = try output()
    try FileManager.default.moveItem(atPath: folder.path, toPath: folder.path + "-moved")
    defer { try? FileManager.default.moveItem(atPath: folder.path + "-moved", toPath: folder.path) }
    #expect(throws: LogWriter.OpenError.self) { try log.reopen() }
    log.logger.info("still here")
    let moved = try String(contentsOfFile: folder.path + "-moved/log", encoding: .utf8)
    #expect(moved.contains("still here"))
  }

  @Test func theFileIsNotReadableByOthers() throws {
    try output().logger.info("1")
    let mode = try FileManager.default.attributesOfItem(atPath: folder.file("log"))[.posixPermissions] as? Int
    #expect((mode ?? 0) & 0o037 == 0)
  }

  @Test func anUnwritableFileIsNamed() {
    let error = #expect(throws: LogWriter.OpenError.self) { try LogWriter(path: "/nowhere/log") }
    #expect(error?.description.hasPrefix("open /nowhere/log: no such file or directory") == true)
  }

  @Test func terminalsGetColour() {
    let record = LogRecord(
      time: time.now, level: .warning, message: "Careful", metadata: ["a": "b c"], source: nil)
    let line = LogTerminalFormatter(start: time.now.addingTimeInterval(-12)).format(record)
    #expect(
      line == "\u{1b}[33mWARN\u{1b}[0m[0012] Careful" + String(repeating: " ", count: 38)
        + " \u{1b}[33ma\u{1b}[0m=\"b c\"\n")
  }

  @Test func levelNamesAreLogruss() throws {
    #expect(try LogLevel(parsing: "WARN") == .warning)
    #expect(try LogLevel(parsing: "Debug") == .debug)
    let error = #expect(throws: LogLevel.UnknownLevel.self) { try LogLevel(parsing: "nope") }
    #expect(error?.description == "not a valid logrus Level: \"nope\"")
  }
}
