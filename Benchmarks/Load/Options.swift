/// The command line of the load client: a mode and `-name value` pairs.
struct Options {
  let mode: String
  private let values: [String: [String]]

  static let usage = """
    usage: spire-load MODE -socket PATH -method /package.Service/Method [-body FILE] [-metadata NAME:VALUE] ...
      calls   as many calls as possible: -callers N -seconds S [-warmup S] [-pid PID] [-first-message] [-least BYTES]
              [-reply FILE] writes the first answer's message
      script  the calls of a file, one after the other: -script FILE [-pid PID]
      arrive  opens a stream, then makes the calls of a file, and waits for each one's text at the stream:
              -script FILE -call-socket PATH -call-method METHOD [-pause SECONDS]
              [-absent] waits until it is there no more
      hold    opens streams, waits for the first message of each, keeps them until standard input ends:
              -connections N -streams N (of each connection); for each line of standard input, says when every stream
              has had one message more (monotonic clock)
      until   repeats a call until it succeeds, and prints the monotonic clock then: -seconds S [-least BYTES]
              [-equals HEX] [-first-message]
    A script holds records: length and bytes of a text, length and bytes of a message (lengths are 4 bytes, big endian).
    Prints one line of JSON.
    """

  init(_ arguments: [String]) throws {
    guard let mode = arguments.first else { throw LoadError(Self.usage) }
    self.mode = mode
    var values: [String: [String]] = [:]
    var rest = arguments.dropFirst()
    while let name = rest.popFirst() {
      guard name.hasPrefix("-") else { throw LoadError("unexpected \(name)\n\(Self.usage)") }
      let value = rest.first.map { $0.hasPrefix("-") } ?? true ? "true" : rest.popFirst() ?? "true"
      values[String(name.drop { $0 == "-" }), default: []].append(value)
    }
    self.values = values
  }

  func text(_ name: String) throws -> String {
    guard let value = values[name]?.last else { throw LoadError("-\(name) is missing\n\(Self.usage)") }
    return value
  }

  func optional(_ name: String) -> String? { values[name]?.last }
  func list(_ name: String) -> [String] { values[name] ?? [] }
  func has(_ name: String) -> Bool { values[name] != nil }

  func number(_ name: String, default value: Double) throws -> Double {
    guard let text = values[name]?.last else { return value }
    guard let number = Double(text) else { throw LoadError("-\(name) is a number, not \(text)") }
    return number
  }

  func integer(_ name: String, default value: Int) throws -> Int { Int(try number(name, default: Double(value))) }

  var request: Request {
    get throws { try Request(method: text("method"), metadata: list("metadata")) }
  }

  var body: [UInt8] {
    get throws { try optional("body").map(Files.read) ?? [] }
  }
}
