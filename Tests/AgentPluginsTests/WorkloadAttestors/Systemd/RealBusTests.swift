import Foundation
import SystemdTesting
import Testing

@testable import AgentPlugins

/// The systemd attestor on Debian's message bus, where python3-dbusmock answers as systemd does.
@Suite(.timeLimit(.minutes(4)), .enabled(if: SystemdBus.isThere, "needs dbus-daemon and python3-dbusmock"))
struct RealBusTests {
  @Test func unitsOfProcessesAreFoundAlsoAfterTheBusWasReplaced() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("bus-\(UUID().uuidString)").path
    let real = try SystemdBus(
      in: folder,
      [
        .init("web.service", fragmentPath: "/lib/systemd/system/web.service", pid: 77),
        .init("session-2.scope", fragmentPath: "", pid: 78),
      ])
    let bus = SystemBus(try DBusAddress(real.address))
    let attestor = SystemdAttestor(bus)
    for _ in 0..<2 {
      let service = try await attestor.attest(pid: 77)
      #expect(service == ["id:web.service", "fragment_path:/lib/systemd/system/web.service"])
      let scope = try await attestor.attest(pid: 78)
      #expect(scope == ["id:session-2.scope", "fragment_path:"])
      let error = await #expect(throws: AgentPluginError.self) { try await attestor.attest(pid: 79) }
      #expect(error?.message.contains("NoUnitForPID: PID 79 does not belong to any loaded unit.") == true)
      real.restart()
    }
    await bus.close()
  }
}
