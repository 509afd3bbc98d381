import HCL
import Testing

@Suite struct HCLSyntaxTests {
  @Test func attributesAndBlocks() throws {
    #expect(
      try tree(
        """
        # one
        a = 1 // two
        b = "x" c = true   /* three
        lines */
        plugins { KeyManager "disk" { plugin_data { dir = "d" } } }
        "quoted key" = false,
        e = {}
        """)
        == "{a:n1 b:'x' c:true plugins:{KeyManager/disk:{plugin_data:{dir:'d'}}} quoted key:false e:{}}")
    #expect(try tree("") == "{}")
    #expect(try tree("\u{FEFF}a = 1") == "{a:n1}")
    #expect(try tree("a.b-c_9 = 1 é = 2") == "{a.b-c_9:n1 é:n2}")
    #expect(try tree("a=1\r\nb=2\r\n") == "{a:n1 b:n2}")
  }

  @Test func numbers() throws {
    #expect(
      try tree("a = [0, -7, 0x1F, 017, 1.5, -0.5, .5, 1e3, 1E-3, 2.5e+1]")
        == "{a:[n0 n-7 n0x1F n017 f1.5 f-0.5 f.5 f1e3 f1E-3 f2.5e+1]}")
    #expect(problems("a = 24h") == ["1:5: malformed number 24h: text needs double quotes"])
    #expect(problems("a = 09") == ["1:5: malformed number 09: text needs double quotes"])
    #expect(problems("a = 0x") == ["1:5: malformed number 0x: text needs double quotes"])
    #expect(problems("a = 1.2.3") == ["1:5: malformed number 1.2.3: text needs double quotes"])
    #expect(problems("a = -") == ["1:5: malformed number -: text needs double quotes"])
    #expect(problems("a = 1e") == ["1:5: malformed number 1e: text needs double quotes"])
  }

  @Test func lists() throws {
    #expect(try tree(#"a = ["x", ["y"], {b = 1}, true,]"#) == "{a:['x' ['y'] {b:n1} true]}")
    #expect(try tree("a = []") == "{a:[]}")
    #expect(problems("a = [1 2]") == [#"1:8: expected "," or "]" in the list that begins at 1:5, got 2"#])
    #expect(problems("a = [1,") == [#"1:8: expected "]" to close the list that begins at 1:5"#])
    #expect(problems("a = [,]") == [#"1:6: expected a value, got ",""#])
  }

  @Test func stringEscapes() throws {
    #expect(try tree(#"a = "\"\\\n\t\x41\u00e9\U0001F600\101""#) == "{a:'\"\\\n\tAé😀A'}")
    let unknown = #"unknown escape in a string: a backslash itself is written "\\""#
    #expect(problems(#"a = "C:\dir""#) == ["1:8: \(unknown)"])
    #expect(problems(#"a = "\x4""#) == ["1:6: \(unknown)"])
    #expect(problems(#"a = "\ud800""#) == ["1:6: \(unknown)"])
    #expect(problems(#"a = "\xff""#) == ["1:5: the string's escapes do not make valid UTF-8"])
  }

  @Test func interpolationIsKeptAsWritten() throws {
    #expect(try tree(##"a = "x${f("y{}\n")}z\"""##) == ##"{a:'x${f("y{}\n")}z"'}"##)
    #expect(try tree("a = \"${\n}\" b = 1") == "{a:'${\n}' b:n1}")
    #expect(try tree(#"a = "$5 {x}" "#) == "{a:'$5 {x}'}")
    #expect(
      problems("a = \"${x\"\nb = = 2") == [
        #"1:5: string not terminated: "${" is not closed"#, #"2:5: expected a value, got "=""#,
      ])
  }

  @Test func heredocs() throws {
    #expect(try tree("a = <<EOF\none\n  two\nEOF\nb = 1") == "{a:'one\n  two\n' b:n1}")
    #expect(try tree("a = <<-EOF\n    one\n      two\n    EOF\n") == "{a:'one\n  two\n'}")
    #expect(try tree("a = <<-EOF\n  one\ntwo\n  EOF\n") == "{a:'  one\ntwo\n'}")
    #expect(try tree("a = <<EOF\nx\n  EOF\n") == "{a:'x\n  '}")
    #expect(try tree("a = <<E1\n\"${\\\nE1") == "{a:'\"${\\\n'}")
    #expect(try tree("a = <<EOF\nEOF") == "{a:''}")
    #expect(problems("a = <<EOF\nx\n") == ["1:5: heredoc not terminated: no line holds only EOF"])
    let malformed = "malformed heredoc: it begins with << or <<-, a word, and the end of the line"
    for text in ["a = <EOF\n", "a = <<\n", "a = << EOF\n", "a = <<EOF"] {
      #expect(problems(text) == ["1:5: \(malformed)"])
    }
  }

  @Test func everyProblemIsReported() {
    let text = """
      server {
        bind_port = = 8081
        trust_domain = "example.org"
        data_dir "x"
        log_level = DEBUG
        ca_ttl = 24h
        list = [1 2]
        ok = 1
      }
      plugins {
        KeyManager "disk" = {}
        é% = 1
        last = "open
      }
      }
      """
    #expect(
      problems(text) == [
        #"2:15: expected a value, got "=""#,
        #"4:12: key "x" must be followed by "=" or "{""#,
        "5:15: expected a value, got DEBUG: text needs double quotes",
        "6:12: malformed number 24h: text needs double quotes",
        #"7:13: expected "," or "]" in the list that begins at 7:10, got 2"#,
        #"11:21: labels must be followed by "{", got "=""#,
        #"12:4: unexpected character "%""#,
        "13:10: string not terminated",
        #"15:1: unexpected "}": no object is open here"#,
      ])
  }

  @Test func unclosedObject() {
    #expect(problems("server {\n a = 1\n") == [#"3:1: expected "}" to close the object that begins at 1:8"#])
    #expect(problems("a = 1 /* x") == [#"1:7: comment not terminated: no "*/" follows"#])
  }

  @Test func positionsCountCharacters() throws {
    let document = try HCLDocument.parse("é = \"日本\" b = 1\n  c { d = [2] }", file: "f")
    let items = document.root.items
    #expect(items[0].value.position == HCLPosition(line: 1, column: 5))
    #expect(items[1].keys[0].position == HCLPosition(line: 1, column: 10))
    #expect(items[2].value.position == HCLPosition(line: 2, column: 5))
  }

  @Test func notText() {
    #expect(problems("a = \"\u{0}\"") == [])
    #expect(throws: HCLError.self) { _ = try HCLDocument.parse([0x61, 0x20, 0x3D, 0x0A, 0x20, 0xFF], file: "f") }
    do {
      _ = try HCLDocument.parse([0x61, 0x0A, 0xC3, 0xA9, 0xFF], file: "f")
    } catch {
      #expect(error.problems.map(\.description) == ["At 2:2: the file is not valid UTF-8"])
    }
  }

  @Test func limits() {
    func code(_ text: String) -> HCLError.Code? {
      do {
        _ = try HCLDocument.parse(text, file: "f")
        return nil
      } catch {
        return error.code
      }
    }
    #expect(code(String(repeating: " ", count: HCLDocument.maximumSize + 1)) == .limit)
    for open in ["a={", "a{"] {
      #expect(code(String(repeating: open, count: 100_000)) == .limit)
    }
    #expect(code("a=" + String(repeating: "[", count: 100_000)) == .limit)
    #expect(code("{\"a\":" + String(repeating: "[", count: 100_000)) == .limit)
    #expect(code(String(repeating: "{\"a\":", count: 100_000)) == .limit)
    #expect(code(String(repeating: "a=1 ", count: 150_000)) == .limit)
    let deep = String(repeating: "a{", count: 199) + String(repeating: "}", count: 199)
    #expect(code(deep) == nil)
    #expect(problems(String(repeating: "a =\n", count: 1000)).count == 100)
    #expect(problems(String(repeating: "a=\"${\n", count: 1000)).count == 11)
  }

  @Test func errorText() {
    do {
      _ = try HCLDocument.parse("a = =\nb = =", file: "conf/server.conf")
      Issue.record("must fail")
    } catch {
      #expect(
        error.description == """
          At 1:5: expected a value, got "="
          conf/server.conf:2:5: expected a value, got "="
          """)
    }
  }
}
