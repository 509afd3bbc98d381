import Testing

@testable import Authority

@Suite struct RandomSourceTests {
  @Test(arguments: [0, 1, 7, 8, 9, 16, 33]) func givesAsManyBytesAsAsked(_ count: Int) {
    #expect(SystemRandom().bytes(count).count == count)
  }

  @Test func keyIDsHave32LettersAndDigitsWithoutBias() {
    let alphabet = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    var seen: Set<Character> = []
    for _ in 0..<100 {
      let id = SystemRandom().keyID()
      #expect(id.count == 32 && alphabet.isSuperset(of: id))
      seen.formUnion(id)
    }
    #expect(seen == alphabet)
    // Bytes that would make some letters likelier are passed over.
    #expect(FixedRandom(content: [255, 248, 0, 61, 62]).keyID().hasPrefix("a9a"))
  }
}
