import Daemon

/// Where a message bus listens: `unix:path=/run/dbus/system_bus_socket` (D-Bus specification, "Server Addresses"). A value.
struct DBusAddress: Hashable, Sendable {
  static let system = "unix:path=/var/run/dbus/system_bus_socket"

  /// Of the socket.
  let path: String

  struct Malformed: Error, CustomStringConvertible {
    let text: String
    var description: String {
      "\(GoText.quote(String(text.prefix(256)))) is no address of a bus on this host: unix:path=/… is wanted"
    }
  }

  /// The first address in a list that is a socket with a path.
  ///
  /// - Parameter text: addresses with `;` between them, values escaped with `%`.
  init(_ text: String) throws(Malformed) {
    for address in text.split(separator: ";") where address.hasPrefix("unix:") {
      for pair in address.dropFirst(5).split(separator: ",") where pair.hasPrefix("path=") {
        guard let path = Self.unescape(pair.dropFirst(5)), path.utf8.first == UInt8(ascii: "/"), path.utf8.count < 108,
          !path.utf8.contains(0)
        else { continue }
        self.path = path
        return
      }
    }
    throw Malformed(text: text)
  }

  /// The bus of the system, or what `DBUS_SYSTEM_BUS_ADDRESS` names.
  static func ofEnvironment(_ environment: [String: String]) throws(Malformed) -> DBusAddress {
    let text = environment["DBUS_SYSTEM_BUS_ADDRESS"] ?? ""
    return try DBusAddress(text.isEmpty ? system : text)
  }

  private static func unescape(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst(), let low = rest.popFirst(), ContainerText.isHex(high), ContainerText.isHex(low),
        let value = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16)
      else { return nil }
      bytes.append(value)
    }
    return String(validating: bytes, as: UTF8.self)
  }
}
