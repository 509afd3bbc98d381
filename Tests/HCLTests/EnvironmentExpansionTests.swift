import HCL
import Testing

@Suite struct EnvironmentExpansionTests {
  @Test(
    arguments: [
      ("$HOME/x", "/root/x"), ("${HOME}x", "/rootx"), ("$HOMEx", ""), ("a$$b", "a$b"), ("a$${HOME}", "a${HOME}"),
      ("${$}", "$"), ("$", "$"), ("a$ b", "a$ b"), ("$.", "$."), ("${}x", "x"), ("${HOME", "HOME"), ("a${", "a"),
      ("$UNSET.", "."), ("${UNSET}", ""), ("$1x", "x"), ("${1}", ""), ("$*", ""), ("${a b}", "spaced"),
      ("${HOME} ${HOME", "/root HOME"), ("$_x", "u"), ("日$HOME", "日/root"), ("", ""),
    ])
  func rules(_ text: String, _ expected: String) {
    let environment = ["HOME": "/root", "a b": "spaced", "_x": "u", "$": "wrong"]
    let result = EnvironmentExpansion.expand(Array(text.utf8), environment: environment)
    #expect(String(decoding: result, as: UTF8.self) == expected)
  }

  @Test func growthIsBounded() {
    let text = Array(String(repeating: "$A", count: 1 << 20).utf8)
    let result = EnvironmentExpansion.expand(text, environment: ["A": String(repeating: "x", count: 1 << 16)])
    #expect(result.count > HCLDocument.maximumSize)
    #expect(result.count <= HCLDocument.maximumSize + 1 << 17)
  }
}
