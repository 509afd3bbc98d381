import Foundation
import SPIFFE

/// The files of `Fixtures`: see the README there.
package enum NodeProofFixtures {
  /// The numbers of both sides in the recorded messages.
  package static let challengeNonce = Array(UInt8(0)..<32)
  package static let responseNonce = Array(UInt8(32)..<64)

  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Fixtures")

  package static func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  package static func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

  package static func message(_ name: String) throws -> [UInt8] { Array(try text("messages/\(name).json").utf8) }

  /// The DER of the first PEM block.
  package static func der(_ name: String) throws -> [UInt8] {
    guard let block = try PEM.decode(text(name)).first else { throw Missing() }
    return block.der
  }

  private struct Missing: Error {}
}
