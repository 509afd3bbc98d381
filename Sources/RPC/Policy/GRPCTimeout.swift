/// The header `grpc-timeout`: up to eight digits and a unit, for example `100m`.
enum GRPCTimeout {
  static func parse(_ text: String) -> Duration? {
    guard let unit = text.utf8.last, text.utf8.count <= 9, let amount = Int64(text.dropLast()), amount >= 0 else {
      return nil
    }
    switch unit {
    case UInt8(ascii: "H"): return .seconds(amount * 3600)
    case UInt8(ascii: "M"): return .seconds(amount * 60)
    case UInt8(ascii: "S"): return .seconds(amount)
    case UInt8(ascii: "m"): return .milliseconds(amount)
    case UInt8(ascii: "u"): return .microseconds(amount)
    case UInt8(ascii: "n"): return .nanoseconds(amount)
    default: return nil
    }
  }
}
