/// An address to listen on as Go's programs write it: `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`, or `:8080` for
/// all addresses of the machine. A value.
package struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
  /// Why a text is no such address; Go's words.
  package struct Fault: Error, Hashable, CustomStringConvertible {
    package let description: String
  }

  /// Without brackets; empty for all addresses.
  package let host: String
  package let port: Int

  package init(_ text: String) throws(Fault) {
    guard let colon = text.lastIndex(of: ":"), text.last != "]" else {
      throw Fault(description: "address \(text): missing port in address")
    }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
      guard host.contains(":") else { throw Fault(description: "address \(text): missing port in address") }
    } else if host.contains(":") {
      throw Fault(description: "address \(text): too many colons in address")
    }
    guard host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "[") && $0 != UInt8(ascii: "]") }) else {
      throw Fault(description: "address \(text): invalid host")
    }
    let name = text[text.index(after: colon)...]
    let services = ["http": 80, "https": 443, "": 0]
    let isNumber = !name.isEmpty && name.utf8.allSatisfy { (0x30...0x39).contains($0) }
    guard let port = isNumber ? Int(name) : services[String(name)] else {
      throw Fault(description: isNumber ? "address \(name): invalid port" : "lookup tcp/\(name): unknown port")
    }
    guard port <= 65535 else { throw Fault(description: "address \(name): invalid port") }
    self.host = String(host)
    self.port = port
  }

  package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  /// Where a listener of ours binds.
  package var listener: HTTPListener.Address { host.isEmpty ? .anywhere(port: port) : .tcp(host: host, port: port) }
}
