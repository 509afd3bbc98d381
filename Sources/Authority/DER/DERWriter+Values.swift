import SPIFFE

extension DERWriter {
  mutating func objectIdentifier(_ identifier: OID) { primitive(DERTag.objectIdentifier, identifier.contents) }

  /// A point in time: UTCTime for the years 1950 to 2049, GeneralizedTime for the others (RFC 5280 §4.1.2.5).
  mutating func time(_ unixSeconds: Int64) {
    let time = CivilTime(unixSeconds: unixSeconds)
    var text: [UInt8] = []
    func digits(_ value: Int64, _ count: Int) {
      var divisor: Int64 = 1
      for _ in 1..<count { divisor *= 10 }
      while divisor > 0 {
        text.append(UInt8(ascii: "0") + UInt8(value / divisor % 10))
        divisor /= 10
      }
    }
    let short = (1950...2049).contains(time.year)
    digits(short ? time.year % 100 : time.year, short ? 2 : 4)
    for part in [time.month, time.day, time.hour, time.minute, time.second] { digits(part, 2) }
    text.append(UInt8(ascii: "Z"))
    primitive(short ? DERTag.utcTime : DERTag.generalizedTime, text)
  }
}
