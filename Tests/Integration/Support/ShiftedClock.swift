import Foundation
import Testing

/// A wall clock of its own for the processes that get its environment; it can be set while they run.
struct ShiftedClock {
  private let path: String

  /// The library that moves the clock, compiled once; nil without a C compiler.
  static let library: String? = {
    let path = Programs.directory + "/shifted_clock.so"
    let source = Programs.client("shifted_clock.c")
    for compiler in ["clang", "cc"] {
      let result = try? Shell.runSync("/usr/bin/env", [compiler, "-O1", "-shared", "-fPIC", "-o", path, source])
      if result?.status == 0 { return path }
    }
    return nil
  }()

  init(directory: String, shift: Int64 = 0) throws {
    path = directory + "/clock"
    try withUnsafeBytes(of: shift) { Data($0) }.write(to: URL(fileURLWithPath: path))
  }

  /// Adds `seconds` to the real time from now on.
  func set(_ seconds: Int64) throws {
    // In place: the processes have the file mapped.
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    try file.write(contentsOf: withUnsafeBytes(of: seconds) { Data($0) })
    try file.close()
  }

  var environment: [String: String] { ["LD_PRELOAD": Self.library ?? "", "SHIFTED_CLOCK": path] }
}
