import HCL

/// The tree as one line of text, for comparisons.
func tree(_ text: String) throws -> String { try describe(HCLDocument.parse(text, file: "test.conf").root) }

func describe(_ object: HCLObject) -> String {
  "{"
    + object.items.map { item in
      item.keys.map(\.text).joined(separator: "/") + ":" + describe(item.value)
    }.joined(separator: " ") + "}"
}

func describe(_ value: HCLValue) -> String {
  switch value.kind {
  case .string(let text): "'" + text + "'"
  case .number(let text): "n" + text
  case .float(let text): "f" + text
  case .bool(let bool): "\(bool)"
  case .null: "null"
  case .list(let values): "[" + values.map(describe).joined(separator: " ") + "]"
  case .object(let object): describe(object)
  }
}

/// The problems of a text, each as `line:column: message`.
func problems(_ text: String) -> [String] {
  do {
    _ = try HCLDocument.parse(text, file: "test.conf")
    return []
  } catch {
    return error.problems.map { "\($0.position): \($0.message)" }
  }
}

/// Reads `text` with `read` and gives the result and the problems.
func decode<Value>(
  _ text: String, _ read: (inout HCLSection) -> Value
) throws -> (value: Value, problems: [String], unknown: [HCLDecoding.UnknownKeys]) {
  let decoding = HCLDecoding(try HCLDocument.parse(text, file: "test.conf"))
  var root = decoding.root
  let value = read(&root)
  return (value, decoding.problems.map { "\($0.position): \($0.message)" }, decoding.unknownKeys)
}
