import Mutations
import Testing

@testable import AgentPlugins

/// The form of D-Bus messages: what is sent, what is read, and bytes that no bus sends.
@Suite struct DBusMessageTests {
  @Test func aCallHasTheFormOfTheSpecification() throws {
    let call = DBusCall(
      destination: "a.b", path: "/o", interface: "a.I", member: "M", arguments: [.uint32(7), .string("x")])
    let bytes = call.encoded(serial: 3)
    let expected: [UInt8] =
      [0x6C, 1, 0, 1, 14 - 0, 0, 0, 0, 3, 0, 0, 0, 65, 0, 0, 0]
      + [1, 1, 0x6F, 0, 2, 0, 0, 0] + Array("/o\0".utf8) + [0, 0, 0, 0, 0]
      + [2, 1, 0x73, 0, 3, 0, 0, 0] + Array("a.I\0".utf8) + [0, 0, 0, 0]
      + [3, 1, 0x73, 0, 1, 0, 0, 0] + Array("M\0".utf8) + [0, 0, 0, 0, 0, 0]
      + [6, 1, 0x73, 0, 3, 0, 0, 0] + Array("a.b\0".utf8) + [0, 0, 0, 0]
      + [8, 1, 0x67, 0, 2] + Array("us\0".utf8)
    #expect(bytes.count % 4 == 2)
    #expect(Array(bytes[..<expected.count]).dropFirst(16) == expected[...].dropFirst(16))
    #expect(bytes.suffix(10) == [7, 0, 0, 0, 1, 0, 0, 0, 0x78, 0])
    #expect(bytes[4] == 10 && bytes[12] == UInt8(expected.count - 16))
    let message = try DBusMessage(parsing: bytes)
    #expect(message.kind == .call && message.signature == "us")
  }

  @Test func answersAreReadInBothByteOrders() throws {
    for signature in ["s", "o", "v"] {
      let bytes = ScriptedBus.message(replyTo: 5, "/a/b", signature: signature)
      #expect(try DBusMessage.size(Array(bytes[..<16])) == bytes.count)
      let message = try DBusMessage(parsing: bytes)
      #expect(message.kind == .answer && message.replySerial == 5)
      #expect(try message.text() == "/a/b")
    }
    // Big-endian: an answer to 5 with a string.
    let big: [UInt8] =
      [0x42, 2, 1, 1, 0, 0, 0, 6, 0, 0, 0, 9, 0, 0, 0, 15] + [5, 1, 0x75, 0, 0, 0, 0, 5, 8, 1, 0x67, 0, 1, 0x73, 0, 0]
      + [0, 0, 0, 1, 0x78, 0]
    let message = try DBusMessage(parsing: big)
    #expect(message.replySerial == 5)
    #expect(try message.text() == "x")
  }

  @Test func anErrorHasItsNameAndOneLineOfText() throws {
    let bytes = ScriptedBus.message(kind: 3, replyTo: 5, error: "a.b.C", "two\nlines", signature: "s")
    let message = try DBusMessage(parsing: bytes)
    #expect(message.kind == .error && message.errorName == "a.b.C" && message.errorText == "two lines")
  }

  @Test(arguments: [
    ([UInt8](repeating: 0, count: 16), "unknown byte order"),
    (Array("l\u{2}\0\u{2}".utf8) + [UInt8](repeating: 0, count: 12), "version 2"),
    ([0x6C, 2, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0, 0, 0, 0, 0, 0, 0], "a message of 4294967311 bytes"),
    ([0x6C, 2, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF], "a message of 4294967312 bytes"),
    ([0x6C, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "serial 0"),
    ([0x6C, 2, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0], "it ends too early"),
  ])
  func whatNoBusSendsIsRefused(_ bytes: [UInt8], _ message: String) {
    let error = #expect(throws: DBusError.self) { try DBusMessage(parsing: bytes) }
    #expect(
      "\(error.map { "\($0)" } ?? "")".hasPrefix("malformed D-Bus message: \(message)"), "\(String(describing: error))")
  }

  @Test func changedMessagesAreReadOrRefused() {
    for signature in ["s", "v"] {
      for bytes in Mutations(
        of: ScriptedBus.message(kind: 3, replyTo: 5, error: "a.b", "/a", signature: signature), count: 3000)
      {
        guard let message = try? DBusMessage(parsing: bytes) else { continue }
        if let text = try? message.text() { #expect(text.utf8.count < bytes.count) }
        #expect(message.errorText.unicodeScalars.allSatisfy { $0.value >= 0x20 })
      }
    }
  }

  @Test(
    arguments: [
      ("unix:path=/run/dbus/system_bus_socket", "/run/dbus/system_bus_socket"),
      ("unix:path=/run/a%20b,guid=00ff", "/run/a b"), ("unix:guid=1,path=/x", "/x"),
      ("tcp:host=a;unix:abstract=x;unix:path=/y;unix:path=/z", "/y"), ("unix:path=relative", nil),
      ("unix:path=/a%0", nil),
      ("unix:path=/a%00b", nil), ("", nil), ("/run/dbus/system_bus_socket", nil), ("unix:abstract=/x", nil),
    ] as [(String, String?)])
  func addressesOfSocketsAreFound(_ text: String, _ path: String?) {
    #expect((try? DBusAddress(text))?.path == path)
  }

  @Test func theEnvironmentNamesTheBus() throws {
    #expect(try DBusAddress.ofEnvironment([:]).path == "/var/run/dbus/system_bus_socket")
    #expect(try DBusAddress.ofEnvironment(["DBUS_SYSTEM_BUS_ADDRESS": ""]).path == "/var/run/dbus/system_bus_socket")
    #expect(try DBusAddress.ofEnvironment(["DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/b"]).path == "/b")
    let error = #expect(throws: DBusAddress.Malformed.self) {
      try DBusAddress.ofEnvironment(["DBUS_SYSTEM_BUS_ADDRESS": "tcp:host=a"])
    }
    #expect(error?.description == "\"tcp:host=a\" is no address of a bus on this host: unix:path=/… is wanted")
  }
}
