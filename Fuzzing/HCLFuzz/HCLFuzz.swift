// A libFuzzer target for the configuration parser. Scripts/fuzz.sh compiles it into one module with Sources/HCL.
//
// Any bytes must give a tree or problems, and a tree that is written out must read back as itself.

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHCL(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  let expanded = EnvironmentExpansion.expand(bytes, environment: ["A": "x", "HOME": "/root"])
  for text in [bytes, expanded] {
    guard let document = parse(text) else { continue }
    read(document)
    let written = HCLText.write(document.root)
    guard let again = parse(Array(written.utf8), expectSuccess: true)
    else { continue }
    check(HCLText.write(again.root) == written, "not stable: \(written)")
  }
  return 0
}

private func parse(_ bytes: [UInt8], expectSuccess: Bool = false) -> HCLDocument? {
  do {
    return try HCLDocument.parse(bytes, file: "fuzz.conf")
  } catch {
    check(!error.problems.isEmpty, "an error without a problem")
    check(error.problems.allSatisfy { $0.position >= .start }, "a place outside the file")
    check(!expectSuccess || error.code == .limit, "written text does not parse: \(error)")
    return nil
  }
}

/// Reads every key of the file in every way.
private func read(_ document: HCLDocument) {
  let decoding = HCLDecoding(document)
  var root = decoding.root
  for item in document.root.items {
    guard let key = item.keys.first?.text else { continue }
    _ = root.string(key)
    _ = root.int(key)
    _ = root.bool(key)
    _ = root.strings(key)
    _ = root.object(key)
    if var section = root.section(key) {
      _ = section.section("a")
      section.reportUnknownKeys(as: "section")
    }
    for section in root.sections(key) { section.reportUnknownKeys(as: "element") }
    for levels in 0...2 { _ = root.labelled(key, levels: levels) }
  }
  root.reportUnknownKeys(as: "top-level")
  check(decoding.unknownKeys.allSatisfy { $0.section != "top-level" }, "a key that was read is unknown")
}

/// Ends the run with a message; `precondition` loses its message in an optimised build.
private func check(_ condition: Bool, _ message: @autoclosure () -> String) {
  if !condition { fatalError(message()) }
}
