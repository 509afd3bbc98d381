@testable import ServerPlugins

/// Executes templates on the fields of a node that the tests of templates share; a slash may be anywhere.
enum TemplateFixture {
  private static let fields: [String: TemplateValue] = [
    "PluginName": .text("x509pop"), "Fingerprint": .text("abc123"),
    "Subject": .structure([
      "CommonName": .text("Node1.Example.ORG"), "Organization": .list([.text("Acme"), .text("Other")]),
    ]),
    "URISanSelectors": .map(["dc": .text("us-east"), "path": .text("a/b")]),
    "DNSNames": .list([.text("n1.example.org"), .text("../x")]), "Version": .integer(3), "IsCA": .bool(false),
    // One byte without slash each.
    "SubjectKeyId": .bytes([1, 0xAB, 0xFF]),
  ]

  static func text(_ template: String) throws -> String {
    let parsed = try TemplateParser.parse(template, fields: Set(fields.keys))
    var run = TemplateRun(parsed, .structure(fields))
    try run.write(parsed.nodes)
    return String(decoding: run.output, as: UTF8.self)
  }
}
