import Console
import Daemon
import Flags
import SPIFFE
import WorkloadClient

/// The files that `api fetch x509 -write` leaves: for each SVID its chain, key, and the bundles.
enum X509Files {
  static func write(_ document: X509Document, to directory: String, io: CommandIO) throws {
    for (index, svid) in document.svids.enumerated() {
      try write(certificates(svid.chainDER), "svid.\(index).pem", 0o644, "SVID #\(index)", directory, io)
      try write(
        PEM.encode(svid.privateKey, type: "PRIVATE KEY"), "svid.\(index).key", 0o600, "key #\(index)", directory, io)
      try write(certificates(svid.bundleDER), "bundle.\(index).pem", 0o644, "bundle #\(index)", directory, io)
      // The federated bundles are repeated for every SVID: a program that takes one SVID finds all it needs.
      for (number, bundle) in document.federatedBundles.enumerated() {
        try write(
          certificates(bundle.der), "federated_bundle.\(index).\(number).pem", 0o644,
          "federated bundle #\(number) for trust domain \(bundle.trustDomain)", directory, io)
      }
    }
  }

  private static func certificates(_ der: [[UInt8]]) -> String {
    der.map { PEM.encode($0, type: "CERTIFICATE") }.joined()
  }

  private static func write(
    _ text: String, _ name: String, _ mode: UInt32, _ label: String, _ directory: String, _ io: CommandIO
  ) throws {
    let path = OutputPath.join(directory, name)
    io.print("Writing \(label) to file \(path).")
    try AtomicFile.write(Array(text.utf8), to: path, mode: mode)
  }
}
