import HCL
import Testing

@Suite struct HCLSectionTests {
  @Test func weakTyping() throws {
    let text = #"""
      port = "8081" hex = 0x10 octal = "010" negative = -3 binary = "0b11"
      yes = "true" no = 0 one = "1"
      text = 12 ratio = 1.5 flag = true doc = <<E
      x
      E
      """#
    let result = try decode(text) { root -> [String] in
      [
        "\(root.int("port") ?? -1)", "\(root.int("hex") ?? -1)", "\(root.int("octal") ?? -1)",
        "\(root.int("negative") ?? -1)", "\(root.int("binary") ?? -1)",
        "\(root.bool("yes") ?? false)", "\(root.bool("no") ?? true)", "\(root.bool("one") ?? false)",
        root.string("text") ?? "", root.string("ratio") ?? "", root.string("flag") ?? "", root.string("doc") ?? "",
      ]
    }
    #expect(
      result.value == ["8081", "16", "8", "-3", "3", "true", "false", "true", "12", "1.5", "true", "x\n"])
    #expect(result.problems.isEmpty)
  }

  @Test func wrongTypesAreAllReportedWithKeyAndPlace() throws {
    let text = """
      server {
        bind_port = "x"
        audit = "maybe"
        name = [1]
        ids = [{}]
        ids = {}
        sub = 1
        big = 99999999999999999999
        part = 1.5
        sign = "0x-5"
      }
      """
    let result = try decode(text) { root in
      var server = root.section("server")
      #expect(server?.int("bind_port") == nil)
      #expect(server?.bool("audit") == nil)
      #expect(server?.string("name") == nil)
      #expect(server?.strings("ids") == [])
      #expect(server?.section("sub") == nil)
      #expect(server?.int("big") == nil)
      #expect(server?.int("part") == nil)
      #expect(server?.int("sign") == nil)
    }
    #expect(
      result.problems == [
        #"2:15: server.bind_port: expected an integer, got "x""#,
        #"3:11: server.audit: expected true or false, got "maybe""#,
        "4:10: server.name: expected a string, got a list",
        "5:10: server.ids: expected a list of strings, got an object",
        "6:9: server.ids: expected a list of strings, got an object",
        "7:9: server.sub: expected a block, got 1",
        "8:9: server.big: expected an integer, got 99999999999999999999",
        "9:10: server.part: expected an integer, got 1.5",
        #"10:10: server.sign: expected an integer, got "0x-5""#,
      ])
  }

  @Test func finishThrowsTheProblems() throws {
    let decoding = HCLDecoding(try HCLDocument.parse("b = []\na = {}", file: "x.conf"))
    var root = decoding.root
    _ = root.int("a")
    _ = root.int("b")
    do {
      try decoding.finish()
      Issue.record("must fail")
    } catch {
      #expect(error.code == .type)
      #expect(
        error.description
          == "At 1:5: b: expected an integer, got a list\nx.conf:2:5: a: expected an integer, got an object")
    }
  }

  @Test func keysMatchWithoutRegardToCase() throws {
    let result = try decode("SERVER { Data_Dir = \"a\"\n data_dir = \"b\" }") { root in
      var server = root.section("server")
      let value = server?.string("data_dir")
      server?.reportUnknownKeys(as: "server")
      return value
    }
    #expect(result.value == "b")
    #expect(result.unknown.isEmpty)
  }

  @Test func repeatedBlocksAreOneSection() throws {
    let text = """
      server { a = 1 list = ["x"] }
      server = { b = 2 a = 3 list = "y" }
      server = [{ c = 4 }]
      """
    let result = try decode(text) { root -> [Int?] in
      var server = root.section("server")
      #expect(server?.strings("list") == ["x", "y"])
      return [server?.int("a"), server?.int("b"), server?.int("c")]
    }
    #expect(result.value == [3, 2, 4])
    #expect(result.problems.isEmpty)
  }

  @Test func labelsAreNestedKeys() throws {
    let result = try decode("telemetry \"Prometheus\" { port = 1 }\ntelemetry { InMem {} }") { root -> Int? in
      var telemetry = root.section("telemetry")
      #expect(telemetry?.has("InMem") == true)
      var prometheus = telemetry?.section("Prometheus")
      return prometheus?.int("port")
    }
    #expect(result.value == 1)
  }

  @Test func labelledBlocksKeepTheirOrder() throws {
    let text = """
      plugins {
        KeyManager "disk" { a = 1 }
        "NodeAttestor" { join_token {} x509pop { b = 2 } }
        KeyManager = { memory = {} }
        KeyManager "disk" { a = 3 }
      }
      plugins { WorkloadAttestor "unix" {} }
      """
    let result = try decode(text) { root in
      root.labelled("plugins", levels: 2).map { $0.labels.map(\.text).joined(separator: "/") }
    }
    #expect(
      result.value == [
        "KeyManager/disk", "NodeAttestor/join_token", "NodeAttestor/x509pop", "KeyManager/memory", "KeyManager/disk",
        "WorkloadAttestor/unix",
      ])
    #expect(
      try decode("plugins { KeyManager = 1 }") { $0.labelled("plugins", levels: 2).count }.problems == [
        "1:24: plugins.KeyManager: expected a block, got 1"
      ])
  }

  @Test func helmShapes() throws {
    let text = #"""
      {"telemetry":[{"Prometheus":[{"host":"0.0.0.0","port":"9988"}]}],
       "plugins":{"KeyManager":{"memory":{"plugin_data":null}},
                  "WorkloadAttestor":[{"k8s":[{"plugin_data":{"a":{"b":1}}}]}],
                  "NodeAttestor":{"k8s_psat":{"plugin_data":{"cluster":"c"}}}},
       "agent":{"experimental":{"broker":{"brokers":[{"broker":[
          {"id":"spiffe://a/b","allowed_reference_types":[{"allowed_reference_types":{"type_url":"*"}}]},
          {"id":"spiffe://a/c","allowed_reference_types":[{"type_url":"x"},{"type_url":"y"}]}]}]}}}}
      """#
    let result = try decode(text) { root -> [String] in
      var telemetry = root.section("telemetry")
      var prometheus = telemetry?.section("Prometheus")
      var found = ["\(prometheus?.int("port") ?? 0)"]
      for (labels, section) in root.labelled("plugins", levels: 2) {
        var section = section
        let data = section.object("plugin_data")
        found.append(labels.map(\.text).joined(separator: "/") + (data.map(describe) ?? "-"))
      }
      var agent = root.section("agent")
      var experimental = agent?.section("experimental")
      var broker = experimental?.section("broker")
      for section in broker?.sections("brokers") ?? [] {
        var section = section
        let types = section.sections("allowed_reference_types").map { type in
          var type = type
          return type.string("type_url") ?? ""
        }
        section.reportUnknownKeys(as: "broker")
        found.append("\(section.path) \(section.string("id") ?? "") \(types)")
      }
      return found
    }
    #expect(
      result.value == [
        "9988", "KeyManager/memory-", "WorkloadAttestor/k8s{a:{b:n1}}", "NodeAttestor/k8s_psat{cluster:'c'}",
        #"agent.experimental.broker.brokers[0] spiffe://a/b ["*"]"#,
        #"agent.experimental.broker.brokers[1] spiffe://a/c ["x", "y"]"#,
      ])
    #expect(result.problems.isEmpty)
  }

  @Test func blockListsDropLabels() throws {
    let text = """
      Statsd = [ {address = "a"}, ]
      Statsd { address = "b" }
      Statsd "x" { address = "c" }
      """
    let result = try decode(text) { root in
      root.sections("Statsd").map { section in
        var section = section
        return section.string("address") ?? ""
      }
    }
    #expect(result.value == ["a", "b", "c"])
  }

  @Test func unknownKeysAreSortedAndPlaced() throws {
    let result = try decode("z = 1\nserver { y = 1 b { } a = 1 y = 2 }") { root in
      var server = root.section("server")
      _ = server?.int("a")
      server?.reportUnknownKeys(as: "server")
      root.reportUnknownKeys(as: "top-level")
    }
    #expect(result.unknown.map(\.section) == ["server", "top-level"])
    #expect(result.unknown.map(\.keys) == [["b", "y"], ["z"]])
    #expect(result.unknown[0].positions == [HCLPosition(line: 2, column: 16), HCLPosition(line: 2, column: 10)])
  }

  @Test func nullReadsAsAbsent() throws {
    let result = try decode(#"{"a":null,"b":{"x":null},"c":[null]}"#) { root in
      var b = root.section("b")
      #expect(root.string("a") == nil && root.section("a") == nil && root.strings("a") == nil)
      #expect(b?.int("x") == nil)
      #expect(root.strings("c") == [])
    }
    #expect(result.problems == ["1:31: c: expected a list of strings, got null"])
  }

  @Test func positionsOfKeys() throws {
    let decoding = HCLDecoding(try HCLDocument.parse("server {\n  a = 1\n  A = 2\n}", file: "f"))
    var root = decoding.root
    var server = root.section("server")
    _ = server?.int("a")
    #expect(decoding.positions["server.a"] == HCLPosition(line: 3, column: 7))
    #expect(decoding.positions["server"] == HCLPosition(line: 1, column: 8))
  }
}
