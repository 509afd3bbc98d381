import Testing

@testable import Console

@Suite struct TimesTests {
  /// The last of them is in the last year of the C library's calendar, 2147485547.
  @Test(arguments: [.max, .min, 67_768_036_191_676_799] as [Int64])
  func anyNumberOfAServerIsPrinted(_ seconds: Int64) {
    #expect(Times.utc(seconds).hasSuffix(" +0000 UTC"))
    #expect(Times.rfc3339(seconds).hasSuffix("Z"))
    #expect(Times.local(seconds).contains(":"))
    #expect(Times.duration(seconds: seconds).hasSuffix("s"))
  }
}
