import Foundation
import Testing

/// A network of a test's own, with nothing but loopback: there every port is free, and this user may have it.
final class OwnNetwork: @unchecked Sendable {
  private let keeper: DaemonProcess
  /// A command that runs another one in it.
  let prefix: [String]

  static let isPossible: Bool =
    (try? Shell.runSync("/usr/bin/env", ["unshare", "-n", "true"]))?.status == 0 && Programs.python != nil

  init(in folder: String) async throws {
    let script = """
      import fcntl, socket, struct, time
      s = socket.socket()
      fcntl.ioctl(s, 0x8914, struct.pack("16sh", b"lo", 0x41))
      print("up", flush=True)
      time.sleep(3600)
      """
    let python = try #require(Programs.python)
    let keeper = try DaemonProcess(
      name: "network", executable: "/usr/bin/env",
      arguments: ["unshare", "-n", python] + Programs.pythonArguments + ["-c", script], logPath: folder + "/network.log"
    )
    self.keeper = keeper
    prefix = ["nsenter", "-n", "-t", "\(keeper.pid)", "--"]
    try await eventually("the network is up", log: { keeper.log }) { keeper.log.contains("up") }
  }

  deinit { keeper.signal(SIGKILL) }
}
