import Daemon
import FoundationEssentials

/// A file of account IDs: a JSON list of texts of twelve digits.
enum AccountList {
  /// Why the file is not taken.
  struct Failure: Error, CustomStringConvertible { let description: String }

  static func read(_ path: String) throws(Failure) -> Set<String> {
    let bytes: [UInt8]?
    do { bytes = try BoundedFile.read(path, limit: 4 << 20) } catch {
      throw Failure(description: "unable to read account list file: \(error)")
    }
    guard let bytes else {
      throw Failure(description: "unable to read account list file: open \(path): no such file or directory")
    }
    let ids: [String]
    do { ids = try JSONDecoder().decode([String].self, from: Data(bytes)) } catch {
      throw Failure(
        description: "unable to parse account list file \(GoText.quote(path)), expected a JSON array of account IDs")
    }
    for id in ids where id.utf8.count != 12 || !id.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
      throw Failure(
        description: "invalid account id \(GoText.quote(id)) in account list file \(GoText.quote(path)), expected a "
          + "12-digit AWS account id")
    }
    return Set(ids)
  }
}
