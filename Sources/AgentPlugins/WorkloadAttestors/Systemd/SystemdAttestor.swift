import Daemon
import FoundationEssentials
import Plugins

/// The built-in workload attestor `systemd`: the unit that a process belongs to, asked from systemd over the system bus
/// (agent-plugins §4).
///
/// Immutable but for the bus' connection, which all look-ups share; takes no configuration.
package final class SystemdAttestor: WorkloadAttestor {
  package static let pluginName = "systemd"
  static let plugin = BuiltInPlugin<any WorkloadAttestor>(
    pluginName,
    make: { _ in
      SystemdAttestor(SystemBus(try DBusAddress.ofEnvironment(ProcessInfo.processInfo.environment)))
    },
    close: { attestor in await (attestor as? SystemdAttestor)?.bus.close() })

  private static let systemd = "org.freedesktop.systemd1"

  private let bus: SystemBus

  init(_ bus: SystemBus) { self.bus = bus }

  package var name: String { Self.pluginName }

  package func attest(pid: Int32) async throws(AgentPluginError) -> [String] {
    let unit = try await ask(
      "failed to get unit for PID \(pid)", "/org/freedesktop/systemd1", "\(Self.systemd).Manager", "GetUnitByPID",
      [.uint32(UInt32(bitPattern: pid))])
    guard Self.isObjectPath(unit) else {
      throw failure(
        .internalError, "failed to get unit for PID \(pid): \(GoText.quote(String(unit.prefix(256)))) is no object path"
      )
    }
    async let id = property("Id", of: unit)
    async let fragment = property("FragmentPath", of: unit)
    do { return ["id:\(try await id)", "fragment_path:\(try await fragment)"] } catch let error as AgentPluginError {
      throw error
    } catch {
      throw failure(.internalError, "\(error)", error)
    }
  }

  private func property(_ name: String, of unit: String) async throws(AgentPluginError) -> String {
    try await ask(
      "failed to get property \(name) of the unit", unit, "org.freedesktop.DBus.Properties", "Get",
      [.string("\(Self.systemd).Unit"), .string(name)])
  }

  private func ask(
    _ what: String, _ path: String, _ interface: String, _ member: String, _ arguments: [DBusCall.Argument]
  ) async throws(AgentPluginError) -> String {
    do throws(DBusError) {
      let call = DBusCall(
        destination: Self.systemd, path: path, interface: interface, member: member, arguments: arguments)
      return try await bus.answer(to: call).text()
    } catch {
      throw failure(Self.code(error), "\(what): \(error)", error)
    }
  }

  private static func code(_ error: DBusError) -> AgentPluginError.Code {
    switch error {
    case .unreachable, .lost, .cancelled: .unavailable
    case .timeout: .deadlineExceeded
    case .busy: .resourceExhausted
    case .refused, .malformed: .internalError
    }
  }

  /// Slashes with letters, digits and underscores between them (D-Bus specification, "Valid Object Paths").
  static func isObjectPath(_ text: String) -> Bool {
    let segments = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard text.utf8.count <= 4096, segments.count > 1, segments[0].isEmpty else { return false }
    return text == "/" || segments.dropFirst().allSatisfy { !$0.isEmpty && $0.allSatisfy(ContainerText.isWord) }
  }

  private func failure(
    _ code: AgentPluginError.Code, _ message: String, _ cause: (any Error)? = nil
  ) -> AgentPluginError {
    AgentPluginError(code, "workloadattestor(systemd): \(message)", cause: cause)
  }
}
