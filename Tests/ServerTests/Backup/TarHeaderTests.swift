import Testing

@testable import Server

@Suite struct TarHeaderTests {
  @Test(arguments: [0, 1, 511, 512, 513, 8_589_934_591, 8_589_934_592, 1 << 50] as [Int64])
  func whatIsWrittenIsRead(_ size: Int64) throws {
    let header = TarHeader(name: "datastore.sqlite3", size: size, modifiedAt: 1_795_291_845)
    let read = try #require(try TarHeader(block: header.block))
    #expect(read == header)
    #expect((size + Int64(read.padding)) % 512 == 0)
  }

  @Test func zerosEndAnArchive() throws {
    #expect(try TarHeader(block: [UInt8](repeating: 0, count: 512)) == nil)
  }

  @Test func badBlocks() {
    #expect(throws: TarError.truncated) { try TarHeader(block: [1, 2, 3]) }
    #expect(throws: TarError.notAnArchive) { try TarHeader(block: [UInt8](repeating: 65, count: 512)) }
    for index in [0, 100, 124, 150, 257] {
      var block = TarHeader(name: "a", size: 3, modifiedAt: 0).block
      block[index] ^= 1
      #expect(throws: TarError.notAnArchive) { try TarHeader(block: block) }
    }
    // A sum that is right and a size that cannot be.
    let huge = TarHeader(name: "a", size: .max, modifiedAt: 0).block
    #expect(throws: TarError.badSize) { try TarHeader(block: huge) }
  }

  /// Other programs write folders before the files, and names that begin with `./`.
  @Test func otherWritersForms() throws {
    let named = try #require(try TarHeader(block: TarHeader(name: "./manifest.json", size: 1, modifiedAt: 0).block))
    #expect(named.name == "manifest.json")
    var folder = TarHeader(name: "./", size: 0, modifiedAt: 0).block
    folder[156] = UInt8(ascii: "5")
    // The sum rises by the difference of the two digits: `5` for `0`.
    let sum = folder[148..<154].reduce(0) { $0 * 8 + Int($1 - 48) } + 5
    let digits = String(sum, radix: 8)
    let text = String(repeating: "0", count: 6 - digits.count) + digits
    folder.replaceSubrange(148..<154, with: Array(text.utf8))
    #expect(try TarHeader(block: folder)?.kind == .other)
  }
}
