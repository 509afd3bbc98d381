/// The numbers of algorithms that decide how a structure goes on (TPM_ALG_ID, Part 2 §6.3).
enum TPMAlgorithm {
  static let rsa: UInt16 = 0x0001
  static let tripleDES: UInt16 = 0x0003
  static let aes: UInt16 = 0x0006
  static let mgf1: UInt16 = 0x0007
  static let null: UInt16 = 0x0010
  static let sm4: UInt16 = 0x0013
  static let rsassa: UInt16 = 0x0014
  static let rsaes: UInt16 = 0x0015
  static let rsapss: UInt16 = 0x0016
  static let oaep: UInt16 = 0x0017
  static let ecdsa: UInt16 = 0x0018
  static let ecdh: UInt16 = 0x0019
  static let ecdaa: UInt16 = 0x001A
  static let sm2: UInt16 = 0x001B
  static let ecSchnorr: UInt16 = 0x001C
  static let ecmqv: UInt16 = 0x001D
  static let kdf1SP800_56A: UInt16 = 0x0020
  static let kdf2: UInt16 = 0x0021
  static let kdf1SP800_108: UInt16 = 0x0022
  static let ecc: UInt16 = 0x0023
  static let camellia: UInt16 = 0x0026
  static let cfb: UInt16 = 0x0043

  /// A number as messages show it.
  static func text(_ number: UInt16) -> String {
    let digits = String(number, radix: 16)
    return "0x" + String(repeating: "0", count: 4 - digits.count) + digits
  }
}
