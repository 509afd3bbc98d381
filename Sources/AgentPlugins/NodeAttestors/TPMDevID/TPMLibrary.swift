import CTPM
import Glibc

/// The functions of tpm2-tss that speak with TPMs: opened when the attestor is configured, and never closed.
///
/// Used by ``TPMDevice``. The table does not change once it is filled.
struct TPMLibrary: @unchecked Sendable {
  private let table: UnsafePointer<CTPMFunctions>
  private let decode: CTPMDecode?

  /// The libraries' functions.
  var call: CTPMFunctions { table.pointee }

  private static let opened = Result { () throws(TPMFault) in
    try open(sys: "libtss2-sys.so.1", mu: "libtss2-mu.so.0", words: "libtss2-rc.so.0")
  }

  static func shared() throws(TPMFault) -> TPMLibrary { try opened.get() }

  static func open(sys: String, mu: String, words: String) throws(TPMFault) -> TPMLibrary {
    let sysLibrary = try library(sys, package: "libtss2-sys1")
    let muLibrary = try library(mu, package: "libtss2-mu0")
    let table = UnsafeMutablePointer<CTPMFunctions>.allocate(capacity: 1)
    if let missing = ctpm_load(table, sysLibrary, muLibrary) {
      table.deallocate()
      throw TPMFault("\(sys) and \(mu) have no function \(String(cString: missing)); install libtss2-sys1 3.0 or newer")
    }
    // Only says what the numbers mean: not needed.
    let wordsLibrary = dlopen(words, RTLD_NOW | RTLD_LOCAL)
    return TPMLibrary(table: table, decode: wordsLibrary.flatMap { ctpm_decode($0) })
  }

  private static func library(_ file: String, package: String) throws(TPMFault) -> UnsafeMutableRawPointer {
    guard let library = dlopen(file, RTLD_NOW | RTLD_LOCAL) else {
      let reason = dlerror().map { String(cString: $0) } ?? file
      throw TPMFault("the TPM needs the library tpm2-tss, which cannot be opened (\(reason)); install \(package)")
    }
    return library
  }

  /// What the library says about a response code, without the names of its layers.
  func words(for code: UInt32) -> String? {
    guard let text = decode?(code).map({ String(cString: $0) }) else { return nil }
    return text.split(separator: ":").last.map { String($0.drop { $0 == " " }) }
  }
}
