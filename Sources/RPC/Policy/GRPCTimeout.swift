/// The header `grpc-timeout`: up to eight digits and a unit, for example `100m`.
enum GRPCTimeout {
  /// Why a value is none, in the words of grpc-go.
  struct Malformed: Error, Equatable { let reason: String }

  static func parse(_ text: String) -> Duration? { try? read(text) }

  static func read(_ text: String) throws(Malformed) -> Duration {
    let bytes = text.utf8
    guard let unit = bytes.last, bytes.count >= 2 else {
      throw Malformed(reason: "transport: timeout string is too short: \"\(text)\"")
    }
    guard bytes.count <= 9 else { throw Malformed(reason: "transport: timeout string is too long: \"\(text)\"") }
    guard "HMSmun".utf8.contains(unit) else {
      throw Malformed(reason: "transport: timeout unit is not recognized: \"\(text)\"")
    }
    var amount: Int64 = 0
    for digit in bytes.dropLast() {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else {
        throw Malformed(reason: "strconv.ParseUint: parsing \"\(text.dropLast())\": invalid syntax")
      }
      amount = amount * 10 + Int64(digit - UInt8(ascii: "0"))
    }
    switch unit {
    case UInt8(ascii: "H"): return .seconds(amount * 3600)
    case UInt8(ascii: "M"): return .seconds(amount * 60)
    case UInt8(ascii: "S"): return .seconds(amount)
    case UInt8(ascii: "m"): return .milliseconds(amount)
    case UInt8(ascii: "u"): return .microseconds(amount)
    default: return .nanoseconds(amount)
    }
  }
}
