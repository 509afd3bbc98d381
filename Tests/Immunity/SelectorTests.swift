import Foundation
import SPIFFE
import Testing

@testable import AgentPlugins

/// Selectors that whoever starts a container would like to have: his names and values stay behind the kind that they are of.
/// Their origins are in docs/security/immunity.md.
@Suite struct SelectorTests {
  private static let hostile = [
    "x\nimage_id:trusted", "x\u{0}", "image_id:trusted", ":", "::", "", "label:a:b", "x\",\"y", "\u{1b}[2J",
    "unix:uid:0",
    "k8s:ns:admin", "x\u{301}:", "../..", String(repeating: "x", count: 10_000),
  ]

  private static func found(labels: [String: String], environment: [String]) throws -> DockerEngine.Found {
    let answer: [String: Any] = [
      "Config": ["Labels": labels, "Env": environment, "Image": "web"] as [String: Any], "Image": "sha256:1",
    ]
    let bytes = try JSONSerialization.data(withJSONObject: answer)
    return DockerEngine.Found(container: try DockerContainer(parsing: [UInt8](bytes)), imageDigest: "sha256:2")
  }

  @Test func labelsAndVariablesStayWhatTheyAre() throws {
    for text in Self.hostile {
      for (key, value) in [(text, "v"), ("k", text), (text, text)] {
        let values = DockerAttestor.selectors(try Self.found(labels: [key: value], environment: [text]))
        #expect(
          values.map { Array($0.utf8) } == [
            Array("label:\(key):\(value)".utf8), Array("env:\(text)".utf8), Array("image_id:web".utf8),
            Array("image_config_digest:sha256:2".utf8),
          ])
        // As selectors they are of the attestor's type, and equal to none of another kind.
        let selectors = Set(values.map { Selector(type: "docker", value: $0) })
        for wanted in ["image_id:trusted", "image_config_digest:trusted", "env:trusted"] {
          #expect(!selectors.contains(Selector(type: "docker", value: wanted)))
        }
        #expect(!selectors.contains(Selector(type: "unix", value: "uid:0")))
      }
    }
  }

  /// Letters that Unicode calls equivalent are other bytes, and so another selector.
  @Test func selectorsAreBytes() {
    let pairs = [("é", "e\u{301}"), ("K", "\u{212A}"), (";", "\u{37E}"), ("Å", "\u{212B}"), ("a\r\nb", "a\nb")]
    for (one, other) in pairs {
      let (a, b) = (Selector(type: "docker", value: "env:\(one)"), Selector(type: "docker", value: "env:\(other)"))
      #expect(a != b && Set([a, b]).count == 2 && (a < b) != (b < a))
    }
    // The type ends at one place.
    #expect(Selector(type: "a:b", value: "c") != Selector(type: "a", value: "b:c"))
  }

  /// An answer of an engine that says two things, or something else than texts.
  @Test func answersThatAreNone() {
    for text in [
      #"{"Config":{"Labels":{"a":1}}}"#, #"{"Config":{"Labels":["a"]}}"#, #"{"Config":{"Env":"A=B"}}"#,
      #"{"Config":[]}"#,
      #"{"Config":{"Env":[["A=B"]]}}"#, "[]", "", #"{"Config":{"Image":{}}}"#, #"{"Config":{}}{}"#,
    ] {
      #expect(throws: DockerContainer.Malformed.self) { try DockerContainer(parsing: Array(text.utf8)) }
    }
  }
}
