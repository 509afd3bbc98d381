/// One call of a template's function: its arguments, read as Go's template reads them for a parameter, and the memory of
/// the execution. Owned by the call.
struct TemplateCall {
  var memory: TemplateMemory
  let arguments: [TemplateValue]

  private func wrong(_ index: Int, _ expected: String) -> TemplateError {
    TemplateError("wrong type for value; expected \(expected); got \(arguments[index].type)")
  }

  func text(_ index: Int) throws(TemplateError) -> [UInt8] {
    guard case .string(let text) = arguments[index] else { throw wrong(index, "string") }
    return text.bytes
  }

  func string(_ index: Int) throws(TemplateError) -> String { String(decoding: try text(index), as: UTF8.self) }

  func integer(_ index: Int) throws(TemplateError) -> Int {
    switch arguments[index] {
    case .integer(let number): return number
    case .float(let number):
      // A constant such as 3.0 is an integer too.
      guard let whole = Int(exactly: number) else { throw wrong(index, "int") }
      return whole
    default: throw wrong(index, "int")
    }
  }

  func bool(_ index: Int) throws(TemplateError) -> Bool {
    guard case .bool(let bool) = arguments[index] else { throw wrong(index, "bool") }
    return bool
  }

  /// The elements of a list; `action` is how sprig begins its refusal.
  func items(_ index: Int, _ action: String) throws(TemplateError) -> [TemplateValue] {
    guard let items = Self.items(of: arguments[index]) else {
      throw TemplateError("\(action) \(arguments[index].kind)")
    }
    return items
  }

  static func items(of value: TemplateValue) -> [TemplateValue]? {
    switch value {
    case .items(let items, _): items
    case .bytes(let bytes): bytes.map { .integer(Int($0)) }
    default: nil
    }
  }

  /// A dictionary that may be changed.
  func dictionary(_ index: Int) throws(TemplateError) -> Int {
    guard case .dictionary(let place) = arguments[index] else { throw wrong(index, "map[string]interface {}") }
    return place
  }

  /// A dictionary, or a map of the node, to read.
  func map(_ index: Int) throws(TemplateError) -> TemplateValue {
    guard memory.count(of: arguments[index]) != nil else { throw wrong(index, "map[string]interface {}") }
    return arguments[index]
  }

  mutating func entries(_ index: Int) throws(TemplateError) -> [TemplateMemory.Entry] {
    guard let entries = try memory.entries(of: arguments[index]) else { throw wrong(index, "map[string]interface {}") }
    return entries
  }

  mutating func key(_ index: Int) throws(TemplateError) -> TemplateText {
    guard case .string(let text) = arguments[index] else { throw wrong(index, "string") }
    return text
  }

  /// sprig's `strval`: text as it is, everything else as it is printed.
  mutating func shown(_ value: TemplateValue) throws(TemplateError) -> [UInt8] {
    if case .bytes(let bytes) = value { return bytes }
    return try memory.printed(value)
  }

  /// Text made of the arguments: a slash in it is the node's when one was in them.
  /// - Parameter createsSlashes: slashes may also come out of what had none, as in decoded text.
  mutating func made(_ bytes: [UInt8], createsSlashes: Bool = false) throws(TemplateError) -> TemplateValue {
    let origin = try memory.origin(of: arguments)
    var text = TemplateText(bytes)
    text.isForeign = origin.isForeign
    text.hasForeignSlash =
      (createsSlashes ? origin.isForeign : origin.hasForeignSlash) && bytes.contains(TemplateText.slash)
    return .string(text)
  }

  mutating func made(_ text: String, createsSlashes: Bool = false) throws(TemplateError) -> TemplateValue {
    try made(Array(text.utf8), createsSlashes: createsSlashes)
  }

  /// Texts made of the arguments.
  mutating func made(_ texts: [[UInt8]], createsSlashes: Bool = false) throws(TemplateError) -> TemplateValue {
    let origin = try memory.origin(of: arguments)
    try memory.spend(texts.count)
    return .list(
      texts.map { bytes in
        var text = TemplateText(bytes)
        text.isForeign = origin.isForeign
        text.hasForeignSlash =
          (createsSlashes ? origin.isForeign : origin.hasForeignSlash) && bytes.contains(TemplateText.slash)
        return .string(text)
      })
  }
}
