/// A method call that is sent over D-Bus, with arguments of the few types that are needed. A value.
struct DBusCall: Hashable, Sendable {
  enum Argument: Hashable, Sendable {
    case uint32(UInt32)
    case string(String)
  }

  var destination: String
  var path: String
  var interface: String
  var member: String
  var arguments: [Argument] = []

  static let hello = DBusCall(
    destination: "org.freedesktop.DBus", path: "/org/freedesktop/DBus", interface: "org.freedesktop.DBus",
    member: "Hello")

  /// The message's bytes, little-endian.
  ///
  /// - Parameter serial: not 0.
  func encoded(serial: UInt32) -> [UInt8] {
    var body = DBusWriter()
    var signature = ""
    for argument in arguments {
      switch argument {
      case .uint32(let value):
        signature += "u"
        body.write(value)
      case .string(let text):
        signature += "s"
        body.write(text)
      }
    }
    var fields = DBusWriter()
    fields.write(field: 1, "o", path)
    fields.write(field: 2, "s", interface)
    fields.write(field: 3, "s", member)
    fields.write(field: 6, "s", destination)
    if !signature.isEmpty { fields.write(field: 8, signature: signature) }
    var message = DBusWriter()
    // Little-endian, a method call, no flags, version 1.
    message.bytes = [UInt8(ascii: "l"), 1, 0, 1]
    message.write(UInt32(body.bytes.count))
    message.write(serial)
    message.write(UInt32(fields.bytes.count))
    message.bytes += fields.bytes
    message.align(8)
    return message.bytes + body.bytes
  }
}

/// Writes values in D-Bus' form. Each part of a message that it writes begins at a multiple of eight.
struct DBusWriter {
  var bytes: [UInt8] = []

  mutating func align(_ size: Int) {
    while bytes.count % size != 0 { bytes.append(0) }
  }

  mutating func write(_ value: UInt32) {
    align(4)
    for shift in stride(from: 0, to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
  }

  /// A string or an object path.
  mutating func write(_ text: String) {
    write(UInt32(text.utf8.count))
    bytes += text.utf8
    bytes.append(0)
  }

  mutating func write(signature: String) {
    bytes.append(UInt8(truncatingIfNeeded: signature.utf8.count))
    bytes += signature.utf8
    bytes.append(0)
  }

  /// A header field with a text.
  mutating func write(field code: UInt8, _ type: String, _ text: String) {
    align(8)
    bytes.append(code)
    write(signature: type)
    write(text)
  }

  mutating func write(field code: UInt8, signature: String) {
    align(8)
    bytes.append(code)
    write(signature: "g")
    write(signature: signature)
  }
}
