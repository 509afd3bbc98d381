import Foundation
import Testing

@testable import Daemon

@Suite struct RandomUUIDTests {
  @Test func theTextIsThatOfAVersion4UUID() {
    #expect(RandomUUID.text(0, 0) == "00000000-0000-4000-8000-000000000000")
    #expect(RandomUUID.text(.max, .max) == "ffffffff-ffff-4fff-bfff-ffffffffffff")
    #expect(RandomUUID.text(0x0123_4567_89AB_CDEF, 0x0123_4567_89AB_CDEF) == "01234567-89ab-4def-8123-456789abcdef")
    let made = Set((0..<100).map { _ in RandomUUID.text() })
    #expect(made.count == 100)
    for text in made { #expect(UUID(uuidString: text)?.uuidString.lowercased() == text) }
  }
}
